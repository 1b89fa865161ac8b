//! What clients and schedules ask for: accounts, jobs and new execs, each written
//! with the rights of the service that writes it.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shared_types::{Command, ExecId, ExecSpec, ExecState, TriggerMode};
use store::execs::{self, ManualTrigger, NewExec};
use store::jobs::{self, Job, NewJob};
use store::page::{Page, Position};
use store::testing::TestDatabase;
use store::{Role, accounts, schema};

fn new_job() -> NewJob {
    NewJob {
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
        },
        email_enabled: false,
        schedule_mode: None,
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
async fn a_token_speaks_until_it_is_revoked() {
    let database = TestDatabase::new().await;
    let mut conn = database.store(Role::Gateway).connection().await.unwrap();
    let account = accounts::ensure(&mut conn, "me").await.unwrap();
    assert_eq!(accounts::ensure(&mut conn, "me").await.unwrap(), account);
    accounts::insert_token(&mut conn, account.id, [7; 32], None)
        .await
        .unwrap();
    let found = accounts::by_token(&mut conn, [7; 32]).await.unwrap();
    assert_eq!(found, Some(account));
    assert_eq!(accounts::by_token(&mut conn, [8; 32]).await.unwrap(), None);
    diesel::update(schema::tokens::table)
        .set(schema::tokens::revoked_at.eq(now))
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(accounts::by_token(&mut conn, [7; 32]).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_execs_come_in_batches() {
    let database = TestDatabase::new().await;
    let mut gateway = database.store(Role::Gateway).connection().await.unwrap();
    let job = jobs::insert(&mut gateway, new_job()).await.unwrap();
    let slots = [1, 2].map(|second| DateTime::from_timestamp(second, 0).unwrap());
    let new = slots.map(|slot| scheduled(&job, slot));
    let mut scheduler = database.store(Role::Scheduler).connection().await.unwrap();
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
    assert_eq!(execs::count(&mut gateway, job.id).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_snapshots_a_job_of_its_namespace_that_is_not_deleted() {
    let database = TestDatabase::new().await;
    let mut conn = database.store(Role::Gateway).connection().await.unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let wish = |namespace: &str| ManualTrigger {
        id: ExecId::new(),
        job_id: job.id,
        namespace: namespace.to_owned(),
        created_by: "me".to_owned(),
    };
    assert_eq!(
        execs::trigger(&mut conn, &wish("other")).await.unwrap(),
        None
    );
    let exec = execs::trigger(&mut conn, &wish("me"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (exec.region.as_str(), &exec.spec),
        ("north", &job.definition.spec)
    );
    let page = Page {
        position: Position::Skip(0),
        limit: 10,
    };
    assert_eq!(execs::list(&mut conn, job.id, page).await.unwrap(), [exec]);

    diesel::update(schema::jobs::table)
        .set(schema::jobs::deleted_at.eq(now))
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(execs::trigger(&mut conn, &wish("me")).await.unwrap(), None);
    assert_eq!(jobs::get(&mut conn, "me", job.id).await.unwrap(), None);
    assert!(!jobs::exists(&mut conn, "me", job.id).await.unwrap());
    assert_eq!(jobs::count(&mut conn, "me").await.unwrap(), 0);
}
