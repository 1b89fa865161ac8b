//! What clients and schedules ask for: jobs and new execs, each written with the
//! rights of the service that writes it.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shared_types::{Command, ExecId, ExecSpec, ExecState, JobId, TriggerMode};
use store::audit;
use store::execs::{self, Exec, ExecFilter, ManualTrigger, NewExec, PlainTrigger, Written};
use store::jobs::{self, Hold, Job, JobDefinition, JobFilter};
use store::page::{Count, Page};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PgConnection, StoreError, schema};

fn new_job() -> JobDefinition {
    JobDefinition {
        namespace: "me".to_owned(),
        name: "test".to_owned(),
        created_by: "me".to_owned(),
        region: "north".to_owned(),
        spec: ExecSpec {
            command: Command::Text("true".to_owned()),
            image_repo: "r.io/x".to_owned(),
            image_tag: "1".to_owned(),
            size: "XS".to_owned(),
            vars: [("A".to_owned(), "b".to_owned())].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [].into(),
            rules: shared_types::RunRules::default(),
        },
        max_running: None,
        email_enabled: false,
        schedule_mode: None,
        schedule_rules: shared_types::ScheduleRules::default(),
        schedule_active: false,
    }
}

fn scheduled(job: &Job, slot_at: DateTime<Utc>) -> NewExec {
    NewExec {
        id: ExecId::new(),
        job_id: job.id,
        namespace: job.definition.namespace.clone(),
        region: job.definition.region.clone(),
        trigger_mode: TriggerMode::Scheduled,
        slot_at: Some(slot_at),
        created_by: job.definition.created_by.clone(),
        spec: job.definition.spec.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_execs_come_in_batches() {
    let database = TestDatabase::new().await;
    let mut gateway = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let job = jobs::insert(&mut gateway, new_job()).await.unwrap();
    let slots = [1, 2].map(|second| DateTime::from_timestamp(second, 0).unwrap());
    let new = slots.map(|slot| scheduled(&job, slot));
    let mut scheduler = database
        .store(DatabaseRole::Scheduler)
        .connection()
        .await
        .unwrap();
    execs::insert(&mut scheduler, &new).await.unwrap();
    execs::insert(&mut scheduler, &[]).await.unwrap();
    assert!(
        execs::insert(&mut scheduler, &new[..1]).await.is_err(),
        "an id is used once"
    );

    let first = execs::get(&mut gateway, job.id, new[0].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.slot_at, Some(slots[0]));
    assert_eq!(first.trigger_mode, TriggerMode::Scheduled);
    assert_eq!((first.state, first.attempt), (ExecState::Waiting, 0));
    assert_eq!(first.spec, job.definition.spec);
    let count = execs::count(&mut gateway, &ExecFilter::of(job.id)).await;
    assert_eq!(count.unwrap(), Count::exact(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_snapshots_a_job_that_is_not_deleted() {
    let database = TestDatabase::new().await;
    let mut conn = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let wish = || ManualTrigger {
        id: ExecId::new(),
        job_id: job.id,
        created_by: "me".to_owned(),
        traceparent: None,
    };
    let exec = execs::trigger(&mut conn, &wish()).await.unwrap().unwrap();
    assert_eq!(
        (exec.region.as_str(), &exec.spec),
        ("north", &job.definition.spec)
    );
    let list = execs::list(&mut conn, &ExecFilter::of(job.id), Page::newest(10)).await;
    assert_eq!(list.unwrap().rows, [exec]);

    diesel::update(schema::jobs::table)
        .set(schema::jobs::deleted_at.eq(now))
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(execs::trigger(&mut conn, &wish()).await.unwrap(), None);
    assert_eq!(jobs::get(&mut conn, job.id).await.unwrap(), None);
    let count = jobs::count(&mut conn, &JobFilter::of("me")).await;
    assert_eq!(count.unwrap(), 0);
}

/// Of the account `ann<number>`, at an address of its own.
fn plain(number: usize, job_id: JobId) -> PlainTrigger {
    PlainTrigger {
        trigger: ManualTrigger {
            id: ExecId::new(),
            job_id,
            created_by: format!("ann{number}"),
            traceparent: None,
        },
        namespace: "me".to_owned(),
        token_id: None,
        address: Some(format!("10.0.0.{number}")),
        request_id: None,
    }
}

async fn together(conn: &mut PgConnection, triggers: &[PlainTrigger]) -> Vec<Option<Exec>> {
    let made = execs::trigger_together(conn, triggers).await.unwrap();
    let shown = |written: Written| Exec::try_from(written).unwrap();
    made.into_iter().map(|written| written.map(shown)).collect()
}

/// The audit log's word on it.
fn told(plain: &PlainTrigger) -> (String, String, Option<String>) {
    let trigger = &plain.trigger;
    let resource = format!("jobs/{}/execs/{}", trigger.job_id, trigger.id);
    (trigger.created_by.clone(), resource, plain.address.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_of_many_are_written_together() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    let mut conn = store.connection().await.unwrap();
    let here = jobs::insert(&mut conn, new_job()).await.unwrap();
    let mut elsewhere = new_job();
    (elsewhere.region, elsewhere.spec.image_tag) = ("south".to_owned(), "2".to_owned());
    let there = jobs::insert(&mut conn, elsewhere).await.unwrap();
    let gone = jobs::insert(&mut conn, new_job()).await.unwrap();
    jobs::delete(&mut conn, gone.id, "me").await.unwrap();
    let jobs = [there.id, here.id, gone.id, here.id, JobId(1_000_000)];
    let triggers = jobs.into_iter().enumerate();
    let triggers: Vec<_> = triggers.map(|(number, job)| plain(number, job)).collect();

    let made = together(&mut conn, &triggers).await;
    let was_made: Vec<_> = made.iter().map(Option::is_some).collect();
    assert_eq!(was_made, [true, true, false, true, false]);
    for (exec, plain) in made.iter().zip(&triggers) {
        let Some(exec) = exec else { continue };
        assert_eq!(
            (exec.id, exec.job_id),
            (plain.trigger.id, plain.trigger.job_id)
        );
        let read = execs::get(&mut conn, exec.job_id, exec.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(exec), "as it is read");
    }
    let tags = made
        .iter()
        .flatten()
        .map(|exec| exec.spec.image_tag.as_str());
    assert_eq!(tags.collect::<Vec<_>>(), ["2", "1", "1"]);
    for (job, expected) in [(here.id, 2), (there.id, 1), (gone.id, 0)] {
        let count = execs::count(&mut conn, &ExecFilter::of(job)).await;
        assert_eq!(count.unwrap(), Count::exact(expected));
    }
    let all = audit::list(&mut conn, "me", &audit::Filter::default(), Page::newest(10)).await;
    let all = all.unwrap().rows.into_iter();
    let all: BTreeSet<_> = all
        .map(|entry| (entry.actor, entry.resource, entry.address))
        .collect();
    assert_eq!(all, [0, 1, 3].map(|number| told(&triggers[number])).into());
    assert!(together(&mut conn, &[]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_job_does_not_hold_up_the_triggers_of_others() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    let (mut conn, mut other) = (
        store.connection().await.unwrap(),
        store.connection().await.unwrap(),
    );
    let held = jobs::insert(&mut conn, new_job()).await.unwrap();
    let free = jobs::insert(&mut conn, new_job()).await.unwrap();
    let triggers = [plain(1, held.id), plain(2, free.id)];
    let made = other.transaction::<_, StoreError, _>(async |other| {
        jobs::get_held(other, held.id, Hold::Exclusive).await?;
        Ok(together(&mut conn, &triggers).await)
    });
    let made = made.await.unwrap();
    assert_eq!((made[0].as_ref(), made[1].is_some()), (None, true));
    // Of a job that is not where it is believed to be, none is made.
    let mut elsewhere = plain(3, free.id);
    elsewhere.namespace = "you".to_owned();
    assert_eq!(together(&mut conn, &[elsewhere]).await, [None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_of_one_is_no_error_of_the_others() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    let mut conn = store.connection().await.unwrap();
    let newer = jobs::insert(&mut conn, new_job()).await.unwrap();
    let known = jobs::insert(&mut conn, new_job()).await.unwrap();
    let form = serde_json::json!({ "of": "a later version" });
    diesel::update(schema::jobs::table.find(newer.id.0))
        .set(schema::jobs::spec.eq(form))
        .execute(&mut conn)
        .await
        .unwrap();
    let triggers = [plain(1, newer.id), plain(2, known.id)];
    let made = execs::trigger_together(&mut conn, &triggers).await.unwrap();
    let shown = made
        .into_iter()
        .map(|written| Exec::try_from(written.unwrap()));
    let shown: Vec<_> = shown.map(|exec| exec.is_ok()).collect();
    assert_eq!(shown, [false, true]);
}
