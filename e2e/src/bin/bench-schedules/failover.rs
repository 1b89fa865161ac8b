//! A replica is killed under load, and a fourth one comes.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use devstack::Service;

use crate::burst::sleep_until;
use crate::fleet::{Fleet, Load};

const SPAN: Duration = Duration::from_secs(10);
/// As in the scheduler's default configuration.
const LEASE: f64 = 3.0;

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(count: u32, rounds: u32) -> Result<()> {
    println!(
        "{count} schedules due over {SPAN:?}, 3 replicas; one killed after 2 s, another comes after 6 s"
    );
    for round in 1..=rounds {
        let fleet = Fleet::start("bench-failover", 3).await?;
        let load = Load::soon(count, SPAN / count);
        fleet.fill(&load).await?;
        fleet.planned(&load).await?;
        sleep_until(load.base + TimeDelta::seconds(2)).await;
        fleet.ring.kill_replica(Service::Scheduler, 2).await?;
        sleep_until(load.base + TimeDelta::seconds(6)).await;
        fleet.ring.start_replica(Service::Scheduler, 4).await?;
        sleep_until(load.instant(count)).await;
        fleet.audit(&load).await?;
        let shares = fleet.metric(4, "escapement_shards_owned").await?;
        let newcomer = fleet
            .metric(4, "escapement_slots_total{outcome=\"fired\"")
            .await?;
        let gap = "SELECT extract(epoch FROM max(created_at - slot_at)) FROM execs";
        let gap: f64 = fleet
            .ring
            .query(gap)
            .await?
            .trim()
            .parse()
            .context("a gap")?;
        println!(
            "round {round}: 0 lost, 0 double; longest wait {gap:.2} s (goal: at most {:.1}); the fourth \
             has {shares} of 64 shards and fired {newcomer}",
            LEASE + 0.5
        );
        fleet.ring.down().await?;
    }
    Ok(())
}
