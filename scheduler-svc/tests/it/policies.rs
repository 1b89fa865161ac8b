//! Policies on a real database: instants that wait, are replaced, made up for,
//! given up, and run after the fact.

use anyhow::Result;
use shared_types::{CatchUp, JobId, Overlap, ScheduleRules};
use store::schedules::Intent;

use crate::fixture::{Fixture, settle};

pub(crate) fn overlap(overlap: Overlap) -> ScheduleRules {
    ScheduleRules {
        overlap,
        ..ScheduleRules::default()
    }
}

/// Seconds, outcome and reason of each instant of the ledger, of a schedule that has
/// one a second.
async fn reasons(fixture: &Fixture, job: JobId) -> Result<Vec<(i64, &'static str, &'static str)>> {
    let ledger = fixture.ledger(job).await?;
    let told = ledger.iter().flat_map(|slot| {
        let second = (slot.first_at - fixture.base).num_seconds();
        let reason = slot.outcome.reason().unwrap_or_default();
        (second..second + slot.count).map(move |second| (second, slot.outcome.as_str(), reason))
    });
    Ok(told.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_that_follow_one_another_with_one_fate_are_one_entry() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R12", "PT1S");
    let skipping = fixture.job(&text).await?;
    let queueing = overlap(Overlap::QueueAll { limit: 1 });
    let queueing = fixture.job_with(&text, queueing).await?;
    let mut replica = fixture.replica();
    let mut running = settle(&mut replica, fixture.at(0.0)).await?;
    for second in [1.0, 2.0, 3.0, 4.0] {
        settle(&mut replica, fixture.at(second)).await?;
    }
    for exec in &running {
        fixture.end(exec.exec_id).await?;
    }
    running = settle(&mut replica, fixture.at(6.5)).await?;
    assert_eq!(running.len(), 2, "one on time, one that waited");
    for second in [7.0, 8.0, 9.0] {
        settle(&mut replica, fixture.at(second)).await?;
    }
    let entries = async |job| -> Result<Vec<(&'static str, i64)>> {
        let ledger = fixture.ledger(job).await?;
        Ok(ledger
            .iter()
            .map(|slot| (slot.outcome.as_str(), slot.count))
            .collect())
    };
    let skipped = entries(skipping).await?;
    assert_eq!(
        skipped,
        [("fired", 1), ("skipped", 4), ("fired", 1), ("skipped", 4)]
    );
    let queued = entries(queueing).await?;
    assert_eq!(queued[..3], [("fired", 1), ("fired", 1), ("skipped", 3)]);
    for job in [skipping, queueing] {
        let told: i64 = fixture
            .ledger(job)
            .await?
            .iter()
            .map(|slot| slot.count)
            .sum();
        assert_eq!(told, 10, "each instant is told once");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instant_waits_for_the_end_of_its_predecessor() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R4", "PT1S");
    let job = fixture.job_with(&text, overlap(Overlap::QueueOne)).await?;
    let mut replica = fixture.replica();
    let first = settle(&mut replica, fixture.at(0.0)).await?;
    assert_eq!(settle(&mut replica, fixture.at(1.0)).await?, []);
    assert_eq!(settle(&mut replica, fixture.at(2.0)).await?, []);
    let waiting = [
        (0, "fired", ""),
        (1, "queued", ""),
        (2, "coalesced", "queued_instant"),
    ];
    assert_eq!(reasons(&fixture, job).await?, waiting);

    fixture.end(first[0].exec_id).await?;
    replica.exec_changed(fixture.at(2.5));
    let second = settle(&mut replica, fixture.at(2.6)).await?;
    assert_eq!(second.len(), 1);
    settle(&mut replica, fixture.at(3.0)).await?;
    fixture.end(second[0].exec_id).await?;
    // Nobody tells of this end: the sweep finds it.
    assert_eq!(settle(&mut replica, fixture.at(5.1)).await?.len(), 1);
    let fired = fixture.audit(job, &text, 4).await?;
    assert_eq!(fired.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_full_and_in_order() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R5", "PT1S");
    let rules = overlap(Overlap::QueueAll { limit: 2 });
    let job = fixture.job_with(&text, rules).await?;
    let mut replica = fixture.replica();
    let mut running = settle(&mut replica, fixture.at(0.0)).await?;
    for second in [1.0, 2.0, 3.0, 4.0] {
        settle(&mut replica, fixture.at(second)).await?;
    }
    for second in [6.5, 9.0] {
        fixture.end(running[0].exec_id).await?;
        running = settle(&mut replica, fixture.at(second)).await?;
        assert_eq!(running.len(), 1);
    }
    let expected = [
        (0, "fired", ""),
        (1, "fired", ""),
        (2, "fired", ""),
        (3, "skipped", "queue_full"),
        (4, "skipped", "queue_full"),
    ];
    assert_eq!(reasons(&fixture, job).await?, expected);
    let fired = fixture.audit(job, &text, 5).await?;
    assert_eq!(fired[2], running[0].exec_id);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_instant_cancels_what_runs_and_replaces_what_waits() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R3", "PT1S");
    let job = fixture
        .job_with(&text, overlap(Overlap::CancelRunning))
        .await?;
    let mut replica = fixture.replica();
    let first = settle(&mut replica, fixture.at(0.0)).await?;
    let step = replica.step(fixture.at(1.0)).await?;
    assert_eq!(step.cancelled.len(), 1);
    assert_eq!(step.cancelled[0].id, first[0].exec_id);
    assert_eq!(
        replica.step(fixture.at(2.0)).await?.cancelled,
        [],
        "asked twice"
    );
    fixture.end(first[0].exec_id).await?;
    assert_eq!(settle(&mut replica, fixture.at(4.1)).await?.len(), 1);
    let expected = [
        (0, "fired", ""),
        (1, "coalesced", "newer_instant"),
        (2, "fired", ""),
    ];
    assert_eq!(reasons(&fixture, job).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn execs_may_run_side_by_side_and_those_of_people_need_not_count() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R2", "PT1S");
    let allowed = fixture.job_with(&text, overlap(Overlap::Allow)).await?;
    let counted = fixture.job(&text).await?;
    let uncounted = ScheduleRules {
        overlap_counts_manual: false,
        ..ScheduleRules::default()
    };
    let uncounted = fixture.job_with(&text, uncounted).await?;
    for job in [counted, uncounted] {
        fixture.trigger(job).await?;
    }
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(0.0)).await?;
    settle(&mut replica, fixture.at(1.0)).await?;
    assert_eq!(fixture.audit(allowed, &text, 2).await?.len(), 2);
    let skipped = [(0, "skipped", "overlap"), (1, "skipped", "overlap")];
    assert_eq!(reasons(&fixture, counted).await?, skipped);
    let fired = [(0, "fired", ""), (1, "skipped", "overlap")];
    assert_eq!(reasons(&fixture, uncounted).await?, fired);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_up_for_runs_one_after_the_other_in_the_low_lane() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1M");
    let rules = ScheduleRules {
        catch_up: CatchUp::All {
            limit: 3,
            window: 3600,
        },
        ..ScheduleRules::default()
    };
    let job = fixture.job_with(&text, rules).await?;
    let mut replica = fixture.replica();
    let mut running = settle(&mut replica, fixture.at(630.0)).await?;
    let mut now = 630.0;
    for _ in 0..2 {
        assert_eq!(running.len(), 1);
        assert_eq!(fixture.lane(running[0].exec_id).await?, "low");
        fixture.end(running[0].exec_id).await?;
        now += 2.1;
        running = settle(&mut replica, fixture.at(now)).await?;
    }
    assert_eq!(
        fixture.story(job).await?,
        [
            (0, 8, "missed"),
            (480, 1, "fired"),
            (540, 1, "fired"),
            (600, 1, "fired")
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_past_its_deadline_or_an_edit_is_given_up() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R2", "PT1S");
    let rules = ScheduleRules {
        start_deadline: Some(5),
        ..overlap(Overlap::QueueOne)
    };
    let late = fixture.job_with(&text, rules.clone()).await?;
    let paused = fixture.job_with(&text, rules.clone()).await?;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(0.0)).await?;
    settle(&mut replica, fixture.at(1.0)).await?;
    let intent = Intent {
        mode: Some(text.clone()),
        rules,
        active: false,
        effective_from: fixture.at(1.5),
    };
    fixture.edit(paused, intent).await?;
    replica.schedule_changed(paused, fixture.at(1.5));
    settle(&mut replica, fixture.at(2.0)).await?;
    assert_eq!(reasons(&fixture, late).await?[1], (1, "queued", ""));
    settle(&mut replica, fixture.at(6.5)).await?;
    assert_eq!(
        reasons(&fixture, late).await?[1],
        (1, "missed", "start_deadline")
    );
    assert_eq!(
        reasons(&fixture, paused).await?[1],
        (1, "cancelled", "paused")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_are_anothers_are_left_alone() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1H");
    let (mine, others) = (fixture.job(&text).await?, fixture.job(&text).await?);
    let mut replica = fixture.replica();
    let shard = |job: JobId| i16::try_from(job.0 % 64).unwrap_or_default();
    replica.assign([shard(mine)].into_iter().collect());
    settle(&mut replica, fixture.at(0.0)).await?;
    assert_eq!(fixture.ledger(mine).await?.len(), 1);
    assert_eq!(fixture.schedule(others).await?.observed_generation, 0);
    replica.assign([shard(others)].into_iter().collect());
    settle(&mut replica, fixture.at(3600.0)).await?;
    assert_eq!(fixture.ledger(mine).await?.len(), 1);
    // Made a moment ago, and due for an hour.
    assert_eq!(
        fixture.story(others).await?,
        [(0, 1, "missed"), (3600, 1, "fired")]
    );
    Ok(())
}
