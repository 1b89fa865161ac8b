//! What happens when a part of the ring dies at a bad moment.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use devstack::{Infra, Service};
use e2e::StartCounter;
use serde_json::json;

use crate::ring::{self, LIMIT, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_killed_during_the_run_starts_nothing_twice() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let starts = StartCounter::listen().await.unwrap();
    let command = format!("sh -c '{}; sleep 5; exit 7'", starts.report("once"));
    let exec = client.run(&command).await.unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();

    ring.kill(Service::Executor).await;
    eventually("the program reports its start", async || {
        starts.starts_of("once") > 0
    })
    .await;
    ring.start_again(Service::Executor).await;

    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["exit_code"], 7);
    assert_eq!(detail["attempt"], 1);
    ring.leaves_nothing_behind().await;
    assert_eq!(starts.starts_of("once"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_killed_again_and_again_loses_nothing() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let starts = StartCounter::listen().await.unwrap();
    let mut execs = Vec::new();
    for n in 0..6 {
        let command = format!("sh -c '{}; exit {n}'", starts.report(&format!("exec-{n}")));
        execs.push(client.run(&command).await.unwrap());
        // Whatever step the executor is at, it dies there.
        ring.kill(Service::Executor).await;
        ring.start_again(Service::Executor).await;
    }
    for (n, exec) in execs.iter().enumerate() {
        let detail = client.wait(exec, "SF", LIMIT).await.unwrap();
        assert_eq!(detail["exit_code"], n);
        assert_eq!(starts.starts_of(&format!("exec-{n}")), 1, "exec {n}");
    }
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_service_killed_mid_output_keeps_every_line_once() {
    const LINES: usize = 4000;
    let ring = ring::start().await;
    let client = ring.client().await;
    // Bursts of identical-looking work, so that a cut falls inside a second.
    let command = format!(
        "sh -c 'i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); \
         [ $((i % 500)) -eq 0 ] && sleep 1; done; true'"
    );
    let exec = client.run(&command).await.unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();
    for kept in [100, 1500, 2500] {
        eventually("more lines are stored", async || {
            client.log(&exec).await.is_ok_and(|log| log.len() > kept)
        })
        .await;
        ring.kill(Service::Logs).await;
        ring.start_again(Service::Logs).await;
    }
    client.wait(&exec, "S", LIMIT).await.unwrap();
    let log = ring.sealed_log(&client, &exec).await;
    let lines: Vec<_> = log
        .iter()
        .filter(|line| line.starts_with("line "))
        .collect();
    let expected: Vec<_> = (0..LINES).map(|n| format!("line {n}")).collect();
    assert_eq!(lines.len(), LINES);
    assert!(lines.into_iter().eq(&expected), "lines are out of order");
    ring.leaves_nothing_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_containerd_leaves_running_programs_alone() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let exec = client
        .run("sh -c 'echo before; sleep 8; echo after; exit 5'")
        .await
        .unwrap();
    client.wait(&exec, "R", LIMIT).await.unwrap();
    let infra = Infra::from_env().unwrap();
    infra.kill("containerd").await.unwrap();
    infra.start("containerd").await.unwrap();
    let detail = client.wait(&exec, "F", LIMIT).await.unwrap();
    assert_eq!(detail["exit_code"], 5, "{detail:#}");
    let log = ring.sealed_log(&client, &exec).await;
    for line in ["before", "after"] {
        assert!(log.iter().any(|kept| kept == line), "{line}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_without_a_broker_is_kept_and_run() {
    let ring = ring::start_with_own_broker().await;
    let client = ring.client().await;
    let job = client.create_job("echo kept", json!({})).await.unwrap();
    ring.stop_broker().await;
    let exec = client.trigger(job).await.unwrap();
    ring.start_broker().await;
    client.wait(&exec, "S", LIMIT).await.unwrap();
    // The broker is used again, too.
    let exec = client.trigger(job).await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_schedule_fires_once_with_two_schedulers() {
    const RUNS: usize = 3;
    let ring = ring::start().await;
    ring.start_second(Service::Scheduler).await;
    let client = ring.client().await;
    // Far enough ahead that both have planned it, far enough apart that a run
    // ends before the next instant (an overlap would be skipped).
    let start = (Utc::now() + TimeDelta::seconds(5)).to_rfc3339();
    let fields = json!({
        "schedule_mode": format!("R{RUNS}/{start}/PT20S"),
        "is_schedule_active": true,
    });
    let job = client.create_job("true", fields).await.unwrap();
    eventually("every instant has an exec", async || {
        client
            .execs(job)
            .await
            .is_ok_and(|execs| execs.len() >= RUNS)
    })
    .await;
    let execs = client.execs(job).await.unwrap();
    let slots: BTreeSet<_> = execs
        .iter()
        .map(|exec| exec["slot_at"].to_string())
        .collect();
    assert_eq!(slots.len(), RUNS, "an instant fired twice: {execs:#?}");
    assert!(execs.iter().all(|exec| exec["trigger_mode"] == "S"));
    for exec in execs {
        let id = exec["id"].as_str().unwrap().to_owned();
        client
            .wait(&e2e::client::Exec { job, id }, "S", LIMIT)
            .await
            .unwrap();
    }
    assert_eq!(client.execs(job).await.unwrap().len(), RUNS);
}
