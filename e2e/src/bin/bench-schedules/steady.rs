//! Due over ten seconds: lateness against the probe at the same rate.

use std::time::Duration;

use anyhow::Result;

use crate::fleet::{Fleet, Load};
use crate::histogram::Histogram;
use crate::probe::Probe;

pub(crate) const SPAN: Duration = Duration::from_secs(10);
const REPLICAS: [u32; 3] = [1, 2, 3];

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(probe: &Probe, count: u32, rounds: u32) -> Result<Histogram> {
    let fleet = Fleet::start("bench-steady", 3).await?;
    let spacing = SPAN / count;
    println!("{count} schedules due over {SPAN:?}, 3 replicas, no executors");
    let mut last = Histogram::default();
    for round in 1..=rounds {
        let ours = ours(&fleet, count, spacing).await?;
        fleet.settle().await?;
        let load = Load::soon(count, spacing);
        let probed = probe.run(&fleet, &load).await?;
        fleet.clear().await?;
        println!(
            "round {round}: ours p50 {:.1} ms p99 {:.1} ms, probe p50 {:.1} ms p99 {:.1} ms; \
             ratio p50 {:.2} (goal: at most 2), p99 {:.2} (goal: at most 5); 0 missed, 0 double",
            ours.at(0.5),
            ours.at(0.99),
            probed.at(0.5),
            probed.at(0.99),
            ours.at(0.5) / probed.at(0.5),
            ours.at(0.99) / probed.at(0.99),
        );
        last = ours;
    }
    fleet.ring.down().await?;
    Ok(last)
}

async fn ours(fleet: &Fleet, count: u32, spacing: Duration) -> Result<Histogram> {
    let before = fleet.lateness(&REPLICAS).await?;
    let load = Load::soon(count, spacing);
    fleet.fill(&load).await?;
    fleet.planned(&load).await?;
    let wait = load.instant(count) - chrono::Utc::now();
    tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
    fleet.audit(&load).await?;
    loop {
        let ours = fleet.lateness(&REPLICAS).await?.since(&before);
        if ours.count() >= u64::from(count) {
            return Ok(ours);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
