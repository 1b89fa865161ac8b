//! A million schedules that are not due.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use devstack::Service;
use e2e::usage::cpu;

use crate::fleet::Fleet;

/// How long idleness is watched.
const WATCHED: Duration = Duration::from_mins(1);

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(count: u32) -> Result<()> {
    let fleet = Fleet::start("bench-idle", 1).await?;
    let empty = memory(&fleet)?;
    let start = Instant::now();
    let mode = "'R/2040-01-01T00:00:' || lpad((n % 60)::text, 2, '0') || 'Z/PT1H'";
    fleet.insert(count, mode).await?;
    let filled = start.elapsed();
    let unplanned = "SELECT count(*) FROM schedules WHERE observed_generation <> generation";
    fleet.until(unplanned, 0, Duration::from_mins(15)).await?;
    let planned = start.elapsed().saturating_sub(filled);
    fleet.ring.query("VACUUM ANALYZE schedules").await?;

    fleet.ring.stop(Service::Scheduler).await?;
    let start = Instant::now();
    fleet.ring.start(Service::Scheduler).await?;
    let started = start.elapsed();
    let before = cpu(pid(&fleet)?)?;
    tokio::time::sleep(WATCHED).await;
    let busy = (cpu(pid(&fleet)?)? - before) / WATCHED.as_secs_f64();
    let full = memory(&fleet)?;
    println!(
        "{count} idle schedules, 1 replica: {:.2} % of one core (goal: at most 1), start-up {:.2} s \
         (goal: at most 10), memory {full:.1} MiB against {empty:.1} MiB without any: {:.1} bytes \
         per schedule; planned at {:.0} a second when they were new",
        busy * 100.0,
        started.as_secs_f64(),
        (full - empty).max(0.0) * 1024.0 * 1024.0 / f64::from(count),
        f64::from(count) / planned.as_secs_f64()
    );
    fleet.ring.down().await
}

/// Resident memory of the first scheduler in MiB.
fn memory(fleet: &Fleet) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid(fleet)?))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .context("a size")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

fn pid(fleet: &Fleet) -> Result<i32> {
    fleet.ring.pid(Service::Scheduler, 1)
}
