//! Does a purge of a million old execs disturb who triggers?
//!
//! A gateway is asked for triggers at a steady rate, first alone, then while executor-svc
//! removes old execs with their attempts, timelines and logs. Prints the times of both, and
//! how fast the old ones went.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::{Client, Times};
use futures::future::{join, try_join_all};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Execs of one statement.
const BATCH: i64 = 100_000;
/// Who triggers at the same time, each so often.
const CLIENTS: usize = 8;
const EVERY: Duration = Duration::from_millis(100);

/// How often it is looked how far the purge is.
const LOOK: Duration = Duration::from_secs(5);

/// Runs on the infrastructure that `make bench-purge` sets up.
#[derive(Parser)]
struct Options {
    /// Old execs.
    #[arg(long, default_value_t = 1_000_000)]
    execs: i64,
    /// Seconds of triggers before the purge.
    #[arg(long, default_value_t = 60)]
    before: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let ring = Ring::builder(&Infra::from_env()?, "bench-purge")
        .only(&[Service::Gateway, Service::Executor])
        .env(Service::Gateway, "ESCAPEMENT__LIMITS__TOKEN__BURST", "0")
        .env(Service::Gateway, "ESCAPEMENT__LIMITS__ADDRESS__BURST", "0")
        // What is triggered here is never to run.
        .env(Service::Executor, "ESCAPEMENT__ADMISSION__MAX_RUNNING", "0")
        .start()
        .await?;
    ring.stop(Service::Executor).await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("bench").await?);
    let body = json!({ "name": "old", "command": "true", "docker_image_repo": "r.io/demo" });
    let job = client.send("POST", "/v1/jobs", Some(body), 201).await?;
    let job = job["id"].as_i64().context("a job has a numeric id")?;
    fill(&ring, job, options.execs).await?;

    let alone = CancellationToken::new();
    let pause = tokio::time::sleep(Duration::from_secs(options.before));
    let timed = join(triggers(&client, job, &alone), async {
        pause.await;
        alone.cancel();
    });
    let before = timed.await.0?;
    let done = CancellationToken::new();
    let purge = async {
        let rates = watch(&ring, options.execs).await;
        done.cancel();
        rates
    };
    let (during, rates) = join(triggers(&client, job, &done), purge).await;
    let (during, mut rates) = (during?, rates?);
    ring.down().await?;

    report(options.execs, (&before, &during), &mut rates);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn report(execs: i64, (before, during): (&Times, &Times), rates: &mut Vec<i64>) {
    for (name, times) in [("before", before), ("during", during)] {
        println!(
            "{name}: {} triggers, p50 {:.2} ms, p99 {:.2} ms, longest {:.1} ms",
            times.len(),
            times.at(0.5),
            times.at(0.99),
            times.at(1.0)
        );
    }
    let seconds = 5 * rates.len();
    // The last one was cut short.
    rates.pop();
    rates.sort_unstable();
    println!(
        "{execs} execs removed in {seconds} s: median {} a second, at the slowest {}, at the \
         fastest {} (of 5 s each); p99 of a trigger during the purge {:.2} times that before \
         (goal: at most 2)",
        rates.get(rates.len() / 2).copied().unwrap_or_default(),
        rates.first().copied().unwrap_or_default(),
        rates.last().copied().unwrap_or_default(),
        during.at(0.99) / before.at(0.99)
    );
}

/// Old execs, each with an attempt, its timeline and a stored log.
async fn fill(ring: &Ring, job: i64, execs: i64) -> Result<()> {
    for first in (1..=execs).step_by(usize::try_from(BATCH)?) {
        let last = execs.min(first + BATCH - 1);
        ring.query(&format!(
            "WITH old AS (
                 INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                     spec, created_at, started_at, ended_at, state, reason, attempt)
                 SELECT gen_random_uuid(), jobs.id, namespace, region, 0, 'M', 'bench', spec, at,
                     at, at, 'succeeded', 'completed', 1
                 FROM jobs, generate_series({first}, {last}) number,
                     LATERAL (SELECT now() - interval '400 days' + number * interval '1 s' AS at) t
                 WHERE jobs.id = {job} RETURNING id
             ), attempts AS (
                 INSERT INTO exec_attempts (exec_id, attempt) SELECT id, 1 FROM old
             ), events AS (
                 INSERT INTO exec_events
                 SELECT id, 1, kind, now(), 'as it was'
                 FROM old, unnest(ARRAY['attempted', 'claimed', 'pulling', 'running', 'ended']) kind
             ), streams AS (
                 INSERT INTO log_streams (exec_id, attempt, region, pod_uid, epoch, sealed_at, complete)
                 SELECT id, 1, 'r', 'p', 1, now(), true FROM old
             )
             INSERT INTO log_chunks
             SELECT id, 1, 0, 1, now(), now(), 100, repeat('x', 100)::bytea FROM old"
        ))
        .await?;
    }
    ring.query("VACUUM ANALYZE").await.map(drop)
}

/// Triggers at a steady rate until told to stop; how long each took.
async fn triggers(client: &Client, job: i64, stop: &CancellationToken) -> Result<Times> {
    let clients = (0..CLIENTS).map(|_| async {
        let (mut times, mut ticks) = (Vec::new(), interval(EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let began = Instant::now();
            client.trigger(job).await?;
            times.push(began.elapsed());
        }
        anyhow::Ok(times)
    });
    let times = try_join_all(clients).await?;
    Ok(times.into_iter().flatten().collect())
}

/// Starts executor-svc, which purges at once, and waits until all are gone: how many went in
/// each [`LOOK`], a second's worth.
async fn watch(ring: &Ring, execs: i64) -> Result<Vec<i64>> {
    // Postgres counts what was deleted by itself; to count the rows would disturb.
    let deleted = async || -> Result<i64> {
        let sql = "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'exec_attempts'";
        Ok(ring.query(sql).await?.trim().parse()?)
    };
    ring.start(Service::Executor).await?;
    let (mut rates, mut gone) = (Vec::new(), deleted().await?);
    let mut ticks = interval(LOOK);
    ticks.tick().await;
    while gone < execs {
        ticks.tick().await;
        let now = deleted().await?;
        rates.push((now - gone) / 5);
        gone = now;
        ensure!(rates.len() < 720, "{} are left after an hour", execs - gone);
    }
    Ok(rates)
}
