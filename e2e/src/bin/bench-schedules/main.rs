//! How late do scheduled execs start, and what do replicas and idle schedules
//! cost?
//!
//! Schedulers run as processes of their own on a real Postgres and RabbitMQ,
//! without executors. Lateness is from the planned instant to the broker's
//! confirm, by the schedulers' own histogram; that nothing is lost or double is
//! read from the tables. The peers run in the same run on the same machine: a
//! probe that commits and confirms every instant on its own, and `APScheduler`.

mod apscheduler;
mod burst;
mod failover;
mod fleet;
mod histogram;
mod idle;
mod probe;
mod steady;

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Runs on the infrastructure that `make bench-schedules` sets up.
#[derive(Parser)]
struct Options {
    /// Due schedules of a run.
    #[arg(long, default_value_t = 10_000)]
    schedules: u32,
    /// Schedules of the idle part.
    #[arg(long, default_value_t = 1_000_000)]
    idle: u32,
    /// Runs of each part; ours and the probe's take turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Due over ten seconds, against the probe.
    Steady,
    /// `APScheduler` under the same load.
    Apscheduler,
    /// Due at one instant.
    Burst,
    /// A replica is killed under load, another one comes.
    Failover,
    /// A million that are not due.
    Idle,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let is_wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let recorder = chassis::telemetry::init(&serde_json::from_value(serde_json::json!({
        "format": "human", "filter": "warn",
    }))?)?;
    let probe = probe::Probe::new(recorder);
    let mut ours = histogram::Histogram::default();
    if is_wanted(Part::Steady) {
        ours = steady::run(&probe, options.schedules, options.rounds).await?;
    }
    if is_wanted(Part::Apscheduler) {
        apscheduler::run(options.schedules, &ours).await?;
    }
    if is_wanted(Part::Burst) {
        burst::run(&probe, options.schedules, options.rounds).await?;
    }
    if is_wanted(Part::Failover) {
        failover::run(options.schedules, options.rounds).await?;
    }
    if is_wanted(Part::Idle) {
        idle::run(options.idle).await?;
    }
    Ok(())
}
