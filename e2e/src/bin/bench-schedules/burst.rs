//! Due at one instant: when is the last one confirmed?

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::fleet::{Fleet, Load};
use crate::probe::Probe;

const REPLICAS: [u32; 3] = [1, 2, 3];

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(probe: &Probe, count: u32, rounds: u32) -> Result<()> {
    let fleet = Fleet::start("bench-burst", 3).await?;
    println!("{count} schedules due at one instant, 3 replicas, no executors");
    for round in 1..=rounds {
        let before = fleet.lateness(&REPLICAS).await?;
        let load = Load::soon(count, Duration::ZERO);
        fleet.fill(&load).await?;
        fleet.planned(&load).await?;
        sleep_until(load.base + chrono::TimeDelta::seconds(4)).await;
        fleet.audit(&load).await?;
        let ours = fleet.lateness(&REPLICAS).await?.since(&before);
        fleet.settle().await?;
        let load = Load::soon(count, Duration::ZERO);
        let probed = probe.run(&fleet, &load).await?;
        fleet.clear().await?;
        println!(
            "round {round}: ours first half within {:.0} ms, last within {:.0} ms (goal: 1000 on an \
             idle machine); probe {:.0} ms and {:.0} ms; ratio of rates {:.2}",
            ours.at(0.5),
            ours.at(1.0),
            probed.at(0.5),
            probed.at(1.0),
            probed.at(1.0) / ours.at(1.0)
        );
    }
    fleet.ring.down().await
}

pub(crate) async fn sleep_until(at: DateTime<Utc>) {
    tokio::time::sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
}
