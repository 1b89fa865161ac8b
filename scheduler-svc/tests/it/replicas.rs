//! Several replicas and an editor at once: a planned instant has one fate.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use recurrence::Recurrence;
use scheduler_svc::scheduler::{Requested, Scheduler};
use shared_types::JobId;
use store::schedules::Intent;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, settle};

const SCHEDULES: usize = 50;
const HALF_SECONDS: u32 = 24;

/// Goes through the test's time together with the other replicas, ending every
/// second exec so that both fired and skipped instants come about.
async fn live(
    fixture: Arc<Fixture>,
    mut replica: Scheduler,
    together: Arc<Barrier>,
) -> Result<Vec<Requested>> {
    let mut requested = Vec::new();
    for tick in 0..=HALF_SECONDS {
        together.wait().await;
        let new = settle(&mut replica, fixture.at(f64::from(tick) / 2.0)).await?;
        for Requested { exec_id, .. } in new.iter().step_by(2) {
            fixture.end(*exec_id).await?;
        }
        requested.extend(new);
    }
    Ok(requested)
}

fn end(fixture: &Fixture) -> DateTime<Utc> {
    fixture.at(f64::from(HALF_SECONDS) / 2.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_fire_each_instant_once() -> Result<()> {
    let fixture = Arc::new(Fixture::new().await);
    let mut jobs: Vec<(JobId, String)> = Vec::new();
    for number in 0..SCHEDULES {
        let text = fixture.text("R", &format!("PT{}S", 1 + number % 5));
        jobs.push((fixture.job(&text).await?, text));
    }
    let together = Arc::new(Barrier::new(2));
    let mut replicas = JoinSet::new();
    for _ in 0..2 {
        replicas.spawn(live(fixture.clone(), fixture.replica(), together.clone()));
    }
    let mut requested = Vec::new();
    for result in replicas.join_all().await {
        requested.extend(result?);
    }

    let mut fired = HashSet::new();
    for (job, text) in &jobs {
        let end = end(&fixture) + chrono::TimeDelta::microseconds(1);
        let count = Recurrence::parse(text)?
            .count_between(fixture.base, end)
            .total();
        fired.extend(fixture.audit(*job, text, count).await?);
    }
    assert!(fired.len() > SCHEDULES, "{} fired", fired.len());
    let announced: HashSet<_> = requested
        .iter()
        .map(|requested| requested.exec_id)
        .collect();
    assert_eq!(
        announced.len(),
        requested.len(),
        "an exec was announced twice"
    );
    assert_eq!(announced, fired);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn once_an_edit_is_answered_the_old_generation_is_silent() -> Result<()> {
    let fixture = Arc::new(Fixture::new().await);
    let text = fixture.text("R", "PT0.5S");
    let mut jobs = Vec::new();
    for _ in 0..SCHEDULES {
        jobs.push(fixture.job(&text).await?);
    }
    let together = Arc::new(Barrier::new(2));
    let mut replicas = JoinSet::new();
    for _ in 0..2 {
        replicas.spawn(live(fixture.clone(), fixture.replica(), together.clone()));
    }
    let mut answered = Vec::new();
    for job in &jobs {
        let intent = Intent {
            mode: Some(fixture.text("R", "PT1S")),
            rules: shared_types::ScheduleRules::default(),
            active: true,
            effective_from: fixture.base,
        };
        fixture.edit(*job, intent).await?;
        answered.push(
            fixture
                .ledger(*job)
                .await?
                .iter()
                .filter(|slot| slot.generation == 1)
                .count(),
        );
    }
    for result in replicas.join_all().await {
        result?;
    }
    for (job, answered) in jobs.iter().zip(answered) {
        let ledger = fixture.ledger(*job).await?;
        let old = ledger.iter().filter(|slot| slot.generation == 1).count();
        assert_eq!(
            old, answered,
            "{job}: the old generation fired after its edit"
        );
        let new: i64 = ledger
            .iter()
            .filter(|slot| slot.generation == 2)
            .map(|slot| slot.count)
            .sum();
        assert_eq!(new, i64::from(HALF_SECONDS / 2) + 1, "{job}");
    }
    Ok(())
}
