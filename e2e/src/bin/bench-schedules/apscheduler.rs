//! The peer from the world of Python: `APScheduler` with its jobs on the same
//! Postgres.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::python;
use serde::Deserialize;
use tokio::process::Command;

use crate::fleet::Fleet;
use crate::histogram::Histogram;
use crate::steady::SPAN;

const PROGRAM: &str = include_str!("apscheduler.py");
const REQUIREMENTS: &str = "APScheduler==3.11.3\nSQLAlchemy==2.0.44\npsycopg2-binary==2.9.11\n";
/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(10);

/// Its lateness from the planned instant to the job's first line, in milliseconds.
#[derive(Debug, Deserialize)]
struct Lateness {
    count: u32,
    p50: f64,
    p99: f64,
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(count: u32, ours: &Histogram) -> Result<()> {
    let fleet = Fleet::start("bench-apscheduler", 0).await?;
    let peer = lateness(&fleet, count).await?;
    println!(
        "APScheduler under the same load on the same Postgres: p50 {:.0} ms p99 {:.0} ms, {} of \
         {count} ran; ratio of our p99 {:.5} (goal: at most 0.01)",
        peer.p50,
        peer.p99,
        peer.count,
        ours.at(0.99) / peer.p99
    );
    fleet.ring.down().await
}

async fn lateness(fleet: &Fleet, count: u32) -> Result<Lateness> {
    let venv = python::venv("apscheduler", REQUIREMENTS, &[]).await?;
    let spacing = (SPAN / count).as_secs_f64();
    let output = Command::new(venv.join("python"))
        .args(["-c", PROGRAM])
        .arg(fleet.ring.database_url().as_str())
        .args([count.to_string(), spacing.to_string()])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, output)
        .await
        .context("APScheduler hangs")??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "APScheduler failed: {said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
