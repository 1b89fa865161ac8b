//! One of three replicas of each service is killed under load, and a fourth comes: what is
//! lost, what runs twice, how long what it had waits for another, and what the fourth gets.
//!
//! Half of the execs are triggered through whichever gateway answers, with a key so that a
//! client that was cut off may ask again; the other half is due by schedules. Programs report
//! their start to a counter outside the system, and an exec counts as done when its whole log
//! is sealed. For the gateway it is the client's wait for an answer that counts.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::benchmark::{self, Folder};
use e2e::{Client, StartCounter, Times, metrics};
use serde_json::json;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

const SIZES: &str = "[sizes.XXS]\ncpu = \"10m\"\nmemory = \"32Mi\"\n";
/// Between two triggers. Each is asked for so often with the same key: requests enough for
/// some to be under way when a gateway is killed, and a program each two seconds.
const TRIGGER_EVERY: Duration = Duration::from_millis(50);
const ASKED: usize = 40;
/// When each of two schedules is due.
const SCHEDULE: &str = "*/4 * * * * *";
/// How long each kill is watched before the fourth replica comes, and after that.
const WATCHED: Duration = Duration::from_secs(12);

/// Runs on the infrastructure that `make bench-failover` sets up.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 1)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = Folder::new("bench-failover")?;
    let ring = benchmark::ring(&Infra::from_env()?, "bench-failover", SIZES, &folder)?;
    let ring = ring.start().await?;
    for service in Service::ALL {
        for number in [2, 3] {
            ring.start_replica(service, number).await?;
        }
    }
    let starts = StartCounter::listen().await?;
    let load = Load::start(&ring, &starts).await?;
    let stopping = CancellationToken::new();
    let killing = async {
        for _ in 0..options.rounds {
            for service in Service::ALL {
                round(&ring, &load, service).await?;
            }
        }
        stopping.cancel();
        anyhow::Ok(())
    };
    tokio::try_join!(killing, load.trigger(&stopping))?;
    load.end(&ring).await?;
    audit(&ring, &starts).await?;
    ring.release(true).await?;
    ring.down().await
}

/// Kills the second replica of a service and says what that cost.
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn round(ring: &Ring, load: &Load, service: Service) -> Result<()> {
    sleep(WATCHED).await;
    let killed_at = Utc::now();
    ring.kill_replica(service, 2).await?;
    sleep(WATCHED).await;
    ring.start_replica(service, 4).await?;
    sleep(WATCHED).await;
    let around = (killed_at - delta(WATCHED), killed_at + delta(WATCHED));
    let (what, waits, share) = if service == Service::Gateway {
        let fourth = Client::new(&ring.api_url_of(4)?, &load.token);
        let trigger = fourth.trigger_once(load.triggered, "fourth", json!({}));
        trigger.await.context("the fourth takes no trigger")?;
        let what = "triggers around the kill, from due to answered";
        (what, load.waits(around), "takes triggers".to_owned())
    } else {
        let shards = metrics::value(ring, service, 4, "escapement_shards_owned").await?;
        let what = "execs around the kill, from due to sealed";
        let waits = waits(ring, around).await?;
        (what, waits, format!("has {shards} of 64 shards"))
    };
    println!(
        "{}: {} {what} p50 {:.2} s, longest {:.2} s; \
         beyond p50 {:.2} s (goal: at most {:.1}); the fourth {share}",
        service.program(),
        waits.len(),
        waits.at(0.5) / 1000.0,
        waits.at(1.0) / 1000.0,
        (waits.at(1.0) - waits.at(0.5)) / 1000.0,
        lease(service) + 0.5,
    );
    // As it was, for the next.
    ring.start_replica(service, 2).await?;
    ring.kill_replica(service, 4).await
}

/// How long each exec that was due in this time took until its log was sealed.
async fn waits(ring: &Ring, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Result<Times> {
    let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
    let sql = format!(
        "SELECT extract(epoch FROM coalesce(max(l.sealed_at), now())
                - coalesce(e.slot_at, e.created_at))
         FROM execs e LEFT JOIN log_streams l ON l.exec_id = e.id
         WHERE coalesce(e.slot_at, e.created_at) BETWEEN '{from}' AND '{to}' GROUP BY e.id"
    );
    let rows = ring.query(&sql).await?;
    let seconds = rows.lines().map(str::trim).filter(|line| !line.is_empty());
    let waits = seconds.map(|line| line.parse().map(Duration::from_secs_f64));
    Ok(waits.collect::<Result<Vec<_>, _>>()?.into_iter().collect())
}

/// Nothing is lost and nothing ran twice.
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn audit(ring: &Ring, starts: &StartCounter) -> Result<()> {
    let sql = "SELECT replace(e.id::text, '-', ''), e.state = 'succeeded' AND bool_and(l.complete)
               FROM execs e LEFT JOIN log_streams l ON l.exec_id = e.id GROUP BY e.id";
    let rows = ring.query(sql).await?;
    let (mut all, mut bad, mut double) = (0, 0, 0);
    for row in rows.lines().filter(|row| row.contains('|')) {
        let (id, is_good) = row.split_once('|').context("a row of two")?;
        all += 1;
        bad += usize::from(is_good.trim() != "t");
        double += usize::from(starts.starts_with(&format!("x-{}", id.trim())) != 1);
    }
    let slots = "SELECT count(*) FROM slots WHERE outcome <> 'fired'";
    let slots = ring.query(slots).await?;
    println!(
        "{all} execs: {bad} not whole, {double} not started once; {} instants not fired",
        slots.trim()
    );
    ensure!(bad + double == 0, "see above");
    Ok(())
}

/// Execs, while replicas come and go.
struct Load {
    token: String,
    clients: Vec<Client>,
    triggered: i64,
    scheduled: [i64; 2],
    /// When each trigger was answered, and how long after it was due.
    answers: RefCell<Vec<(DateTime<Utc>, Duration)>>,
}

impl Load {
    async fn start(ring: &Ring, starts: &StartCounter) -> Result<Self> {
        let token = ring.create_account("bench").await?;
        let clients =
            (1..=3).map(|number| anyhow::Ok(Client::new(&ring.api_url_of(number)?, &token)));
        let clients = clients.collect::<Result<Vec<_>>>()?;
        let command = format!("sh -c '{}; echo done'", starts.report("$(hostname)"));
        let job = async |fields| clients[0].create_job(&command, fields).await;
        let timed = json!({
            "schedule_mode": SCHEDULE, "is_schedule_active": true, "overlap_policy": "allow",
            "resource_size": "XXS",
        });
        Ok(Self {
            triggered: job(json!({ "resource_size": "XXS" })).await?,
            scheduled: [job(timed.clone()).await?, job(timed).await?],
            token,
            clients,
            answers: RefCell::default(),
        })
    }

    /// Triggers until it is to stop, each once, by whoever answers.
    async fn trigger(&self, stopping: &CancellationToken) -> Result<()> {
        let mut ticks = interval(TRIGGER_EVERY);
        for number in 0.. {
            let Some(due) = stopping.run_until_cancelled(ticks.tick()).await else {
                break;
            };
            let key = format!("failover-{}", number / ASKED);
            let mut tried = 0;
            // Each replica in turn; one that is gone refuses the connection.
            while let Err(error) = self.clients[(number + tried) % self.clients.len()]
                .trigger_once(self.triggered, &key, json!({}))
                .await
            {
                tried += 1;
                ensure!(tried < 30, "nobody takes a trigger: {error:#}");
            }
            let answer = (Utc::now(), Instant::now() - due);
            self.answers.borrow_mut().push(answer);
        }
        Ok(())
    }

    /// How long clients waited for the answers that they had in this time.
    fn waits(&self, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Times {
        let answers = self.answers.borrow();
        let around = answers.iter().filter(|(at, _)| (from..=to).contains(at));
        around.map(|(_, wait)| *wait).collect()
    }

    /// Pauses the schedules and waits until everything has ended.
    async fn end(&self, ring: &Ring) -> Result<()> {
        for job in self.scheduled {
            let paused = json!({ "is_schedule_active": false });
            let path = format!("/v1/jobs/{job}");
            self.clients[0]
                .send("PATCH", &path, Some(paused), 200)
                .await?;
        }
        let open = "SELECT count(*) FROM execs e LEFT JOIN log_streams l ON l.exec_id = e.id
                    WHERE e.ended_at IS NULL OR l.sealed_at IS NULL";
        let ended = async || ring.query(open).await.is_ok_and(|open| open.trim() == "0");
        devstack::wait::until("every exec ends", Duration::from_mins(3), ended).await
    }
}

/// Seconds until another takes over, as in the default configurations.
fn lease(service: Service) -> f64 {
    match service {
        Service::Gateway => 0.0,
        Service::Scheduler => 3.0,
        Service::Executor | Service::Logs => 5.0,
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or_default()
}
