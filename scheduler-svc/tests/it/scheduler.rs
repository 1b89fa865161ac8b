//! One replica: what it fires, and what it must leave alone.

use anyhow::Result;
use chrono::TimeDelta;
use scheduler_svc::scheduler::Requested;
use shared_types::{JobId, ScheduleRules};
use store::schedules::Intent;
use store::slots::{self, MissReason, Slot, SlotOutcome};

use crate::fixture::{Fixture, settle};

#[tokio::test(flavor = "multi_thread")]
async fn a_due_instant_becomes_an_exec_of_the_job() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R1", "PT1H");
    let job = fixture.job(&text).await?;
    let mut replica = fixture.replica();
    assert_eq!(settle(&mut replica, fixture.at(-0.001)).await?, []);

    let requested = settle(&mut replica, fixture.at(0.0)).await?;
    let fired = fixture.audit(job, &text, 1).await?;
    let expected = fired.iter().map(|id| Requested {
        region: "R1".to_owned(),
        exec_id: *id,
        due_at: Some(fixture.at(0.0)),
    });
    assert_eq!(requested, expected.collect::<Vec<_>>());
    assert_eq!(fixture.schedule(job).await?.next_at, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_wake_is_the_next_instant() -> Result<()> {
    let fixture = Fixture::new().await;
    fixture.job(&fixture.text("R", "PT0.3S")).await?;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(-1.0)).await?;
    assert_eq!(
        replica.step(fixture.at(-0.5)).await?.wake_at,
        fixture.at(0.0)
    );
    assert_eq!(
        replica.step(fixture.at(0.1)).await?.wake_at,
        fixture.at(0.3)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_exec_makes_the_next_instant_a_recorded_skip() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R3", "PT1S");
    let job = fixture.job(&text).await?;
    let mut replica = fixture.replica();
    let first = settle(&mut replica, fixture.at(0.0)).await?;
    assert_eq!(settle(&mut replica, fixture.at(1.0)).await?, []);
    fixture.end(first[0].exec_id).await?;
    settle(&mut replica, fixture.at(2.0)).await?;
    settle(&mut replica, fixture.at(9.0)).await?;
    let story = fixture.story(job).await?;
    assert_eq!(story, [(0, 1, "fired"), (1, 1, "skipped"), (2, 1, "fired")]);
    fixture.audit(job, &text, 3).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_away_costs_one_step() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT20S");
    let job = fixture.job(&text).await?;
    let mut replica = fixture.replica();
    let first = settle(&mut replica, fixture.at(0.0)).await?;
    fixture.end(first[0].exec_id).await?;

    let year = TimeDelta::days(365);
    let step = replica.step(fixture.base + year).await?;
    assert_eq!(step.requested.len(), 1);
    let seconds = year.num_seconds();
    let count = seconds / 20;
    let story = fixture.story(job).await?;
    assert_eq!(
        story,
        [
            (0, 1, "fired"),
            (20, count - 1, "missed"),
            (seconds, 1, "fired")
        ]
    );
    let count = u64::try_from(count + 1)?;
    fixture.audit(job, &text, count).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_fires_nothing_of_the_old_generation_nor_of_its_past() -> Result<()> {
    let fixture = Fixture::new().await;
    let job = fixture.job(&fixture.text("R", "PT1S")).await?;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(-1.0)).await?;

    let every_two = Some(fixture.text("R", "PT2S"));
    let intent = Intent {
        mode: every_two,
        rules: ScheduleRules::default(),
        active: true,
        effective_from: fixture.at(0.5),
    };
    assert!(fixture.edit(job, intent.clone()).await?.is_new);
    // The replica has not looked again: it still holds the old instant.
    assert_eq!(replica.step(fixture.at(0.0)).await?.requested, []);
    assert_eq!(fixture.story(job).await?, []);

    replica.schedule_changed(job, fixture.at(0.6));
    settle(&mut replica, fixture.at(1.0)).await?;
    assert_eq!(fixture.story(job).await?, [(0, 1, "cancelled")]);
    settle(&mut replica, fixture.at(2.0)).await?;
    let story = fixture.story(job).await?;
    assert_eq!(story, [(0, 1, "cancelled"), (2, 1, "fired")]);

    let later = Intent {
        effective_from: fixture.at(3.0),
        ..intent
    };
    assert!(!fixture.edit(job, later).await?.is_new);
    assert_eq!(fixture.schedule(job).await?.next_at, Some(fixture.at(4.0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_and_a_resume_fires_no_old_instant() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1S");
    let job = fixture.job(&text).await?;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(-1.0)).await?;
    let intent = |active, seconds| Intent {
        mode: Some(text.clone()),
        rules: ScheduleRules::default(),
        active,
        effective_from: fixture.at(seconds),
    };
    fixture.edit(job, intent(false, -0.5)).await?;
    settle(&mut replica, fixture.at(5.0)).await?;
    assert_eq!(fixture.story(job).await?, []);
    fixture.edit(job, intent(true, 7.5)).await?;
    settle(&mut replica, fixture.at(8.0)).await?;
    let story = fixture.story(job).await?;
    assert_eq!(story, [(0, 8, "skipped"), (8, 1, "fired")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_be_read_waits_for_its_edit() -> Result<()> {
    let fixture = Fixture::new().await;
    let job = fixture.job("every now and then").await?;
    let mut replica = fixture.replica();
    let step = replica.step(fixture.at(0.0)).await?;
    assert_eq!(step.wake_at, fixture.at(2.0));
    let schedule = fixture.schedule(job).await?;
    assert_eq!((schedule.observed_generation, schedule.next_at), (1, None));

    let mode = Some(fixture.text("R", "PT1S"));
    let intent = Intent {
        mode,
        rules: ScheduleRules::default(),
        active: true,
        effective_from: fixture.at(3.0),
    };
    fixture.edit(job, intent).await?;
    settle(&mut replica, fixture.at(3.0)).await?;
    assert_eq!(fixture.story(job).await?, [(3, 1, "fired")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_the_database_refuses_holds_up_only_itself() -> Result<()> {
    let fixture = Fixture::new().await;
    let text = fixture.text("R", "PT1H");
    let (bad, good) = (fixture.job(&text).await?, fixture.job(&text).await?);
    // An entry that cannot be there makes the ledger refuse another.
    let impossible = Slot {
        job_id: bad,
        generation: 1,
        backfill_id: None,
        first_at: fixture.at(0.0),
        last_at: fixture.at(0.0),
        count: 1,
        outcome: SlotOutcome::Missed(MissReason::SchedulerAway),
    };
    slots::insert(&mut *fixture.connection().await?, &[impossible]).await?;
    let mut replica = fixture.replica();
    let step = replica.step(fixture.at(0.0)).await?;
    assert_eq!(step.requested.len(), 1);
    assert_eq!(step.wake_at, fixture.at(2.0), "no hot loop");
    assert_eq!(
        fixture.audit(good, &text, 1).await?,
        [step.requested[0].exec_id]
    );
    assert_eq!(
        replica.step(fixture.at(2.0)).await?.wake_at,
        fixture.at(4.0)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_does_not_put_the_replica_to_sleep() -> Result<()> {
    let fixture = Fixture::new().await;
    let mut replica = fixture.replica();
    settle(&mut replica, fixture.at(3600.0)).await?;
    let text = fixture.text("R", "PT1S");
    let job: JobId = fixture.job(&text).await?;
    assert_eq!(settle(&mut replica, fixture.at(0.0)).await?.len(), 1);
    fixture.audit(job, &text, 1).await?;
    Ok(())
}
