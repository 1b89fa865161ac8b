//! What clients and schedules ask for: jobs and new execs, each written with the
//! rights of the service that writes it.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shared_types::{Command, ExecId, ExecSpec, ExecState, TriggerMode};
use store::execs::{self, ExecFilter, ManualTrigger, NewExec};
use store::jobs::{self, Job, JobDefinition, JobFilter};
use store::page::{Count, Page};
use store::testing::TestDatabase;
use store::{DatabaseRole, schema};

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
