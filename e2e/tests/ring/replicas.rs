//! Two replicas of executor-svc and log-svc: what one of them had when it dies goes on.

use std::time::{Duration, Instant};

use devstack::Service;
use e2e::{StartCounter, metrics};

use crate::ring::{self, LIMIT, TestRing, eventually};

const SHARED: [Service; 2] = [Service::Executor, Service::Logs];
/// As in the default configuration of both.
const LEASE: Duration = Duration::from_secs(5);

/// How many shards each service's replica has.
async fn shares(ring: &TestRing, number: u32) -> Vec<f64> {
    let mut shares = Vec::new();
    for service in SHARED {
        let owned = metrics::value(ring.stack(), service, number, "escapement_shards_owned");
        shares.push(owned.await.unwrap());
    }
    shares
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_had_goes_on_with_another() {
    const PROGRAMS: usize = 8;
    const LINES: usize = 60;
    let ring = ring::start().await;
    for service in SHARED {
        ring.start_second(service).await;
    }
    eventually("both have half of the shards", async || {
        shares(&ring, 1).await == [32.0, 32.0] && shares(&ring, 2).await == [32.0, 32.0]
    })
    .await;
    let client = ring.client().await;
    let starts = StartCounter::listen().await.unwrap();
    let mut execs = Vec::new();
    for n in 0..PROGRAMS {
        let report = starts.report(&format!("exec-{n}"));
        let print =
            format!("i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); sleep 0.3; done");
        let command = format!("sh -c '{report}; {print}; exit {n}'");
        execs.push(client.run(&command).await.unwrap());
    }
    for exec in &execs {
        client.wait(exec, "R", LIMIT).await.unwrap();
    }

    for service in SHARED {
        ring.stack().kill_replica(service, 2).await.unwrap();
    }
    let killed_at = Instant::now();
    eventually("the other has all shards", async || {
        shares(&ring, 1).await == [64.0, 64.0]
    })
    .await;
    assert!(killed_at.elapsed() < LEASE + Duration::from_secs(10));

    for (n, exec) in execs.iter().enumerate() {
        let detail = client.wait(exec, "SF", LIMIT).await.unwrap();
        assert_eq!(detail["exit_code"], n);
        assert_eq!(detail["attempt"], 1);
        assert_eq!(starts.starts_of(&format!("exec-{n}")), 1, "exec {n}");
        let log = ring.sealed_log(&client, exec).await;
        let lines = log.iter().filter(|line| line.starts_with("line "));
        assert!(
            lines.eq((0..LINES)
                .map(|n| format!("line {n}"))
                .collect::<Vec<_>>()
                .iter())
        );
    }
    ring.leaves_nothing_behind().await;
}
