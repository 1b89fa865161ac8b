//! What is run after the fact.

use anyhow::Result;
use shared_types::{JobId, Overlap};
use store::backfills::{self, Backfill, NewBackfill};

use crate::fixture::{Fixture, settle};
use crate::policies::overlap;

async fn backfill(fixture: &Fixture, job: JobId, per_minute: i32) -> Result<Backfill> {
    let new = NewBackfill {
        job_id: job,
        generation: 1,
        from_at: fixture.at(-1.0),
        to_at: fixture.at(3.0),
        per_minute,
        count: 3,
        created_by: "ann".to_owned(),
    };
    let mut gateway = fixture.gateway().await?;
    Ok(backfills::insert(&mut gateway, &new).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_runs_a_range_after_the_fact_at_its_rate() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1S");
    let job = fixture.job_with(&text, overlap(Overlap::Allow)).await?;
    fixture.pause(job, &text).await?;
    let asked = backfill(&fixture, job, 60).await?;
    let mut replica = fixture.replica();
    let mut fired = Vec::new();
    for (second, expected) in [(100.0, 1), (100.5, 0), (101.0, 1), (102.0, 1), (110.0, 0)] {
        let new = settle(&mut replica, fixture.at(second)).await?;
        assert_eq!(new.len(), expected, "{second}");
        fired.extend(new);
    }
    let ledger = fixture.ledger(job).await?;
    let seconds: Vec<i64> = ledger
        .iter()
        .filter(|slot| slot.backfill_id == Some(asked.id.0))
        .map(|slot| (slot.first_at - fixture.base).num_seconds())
        .collect();
    assert_eq!(seconds, [0, 1, 2]);
    assert_eq!(fixture.lane(fired[0].exec_id).await?, "low");
    let done = backfills::get(&mut *fixture.gateway().await?, job, asked.id)
        .await?
        .unwrap();
    assert!(done.fired == 3 && done.ended_at.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_waits_its_turn_and_can_be_dropped() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1S");
    let job = fixture.job(&text).await?;
    fixture.pause(job, &text).await?;
    let asked = backfill(&fixture, job, 600).await?;
    let mut replica = fixture.replica();
    let first = settle(&mut replica, fixture.at(100.0)).await?;
    assert_eq!(first.len(), 1);
    assert_eq!(settle(&mut replica, fixture.at(105.0)).await?, []);
    fixture.end(first[0].exec_id).await?;
    let second = settle(&mut replica, fixture.at(110.0)).await?;
    assert_eq!(second.len(), 1);
    backfills::drop(&mut *fixture.gateway().await?, job, asked.id).await?;
    fixture.end(second[0].exec_id).await?;
    assert_eq!(settle(&mut replica, fixture.at(120.0)).await?, []);
    let dropped = backfills::get(&mut *fixture.gateway().await?, job, asked.id)
        .await?
        .unwrap();
    assert!(dropped.fired == 2 && dropped.ended_at.is_some());
    Ok(())
}
