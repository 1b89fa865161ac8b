//! What becomes of jobs and execs after they were made: changes, cancels and
//! deletions, each with the rights of the gateway, also when they cross.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures::future::join_all;
use shared_types::{Command, EventKind, ExecId, ExecSpec, JobId, RunRules};
use store::execs::{self, Exec, ManualExec, ManualTrigger, PlainTrigger};
use store::jobs::{self, Hold, Job, JobDefinition};
use store::schema::{execs as exec_rows, schedules as schedule_rows};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PgConnection, StoreError, events};

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
            vars: [].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [].into(),
            rules: RunRules {
                timeout: Some(60),
                ..RunRules::default()
            },
        },
        max_running: None,
        email_enabled: false,
        schedule_mode: Some("R/2040-01-01T00:00:00Z/PT1H".to_owned()),
        schedule_rules: shared_types::ScheduleRules::default(),
        schedule_active: true,
    }
}

fn wish(job: JobId) -> ManualTrigger {
    ManualTrigger {
        id: ExecId::new(),
        job_id: job,
        created_by: "me".to_owned(),
        traceparent: None,
    }
}

fn plain(trigger: ManualTrigger) -> PlainTrigger {
    PlainTrigger {
        trigger,
        namespace: "me".to_owned(),
        token_id: None,
        address: None,
        request_id: None,
    }
}

async fn trigger(conn: &mut PgConnection, job: &Job) -> Exec {
    execs::trigger(conn, &wish(job.id)).await.unwrap().unwrap()
}

async fn cancel(conn: &mut PgConnection, exec: &Exec, by: &str) -> Option<Exec> {
    let (job, id) = (exec.job_id, exec.id);
    conn.transaction::<_, StoreError, _>(async |conn| {
        execs::request_cancel(conn, job, id, by).await
    })
    .await
    .unwrap()
}

async fn generation(conn: &mut PgConnection, job: &Job) -> (i64, bool) {
    let row = schedule_rows::table.find(job.id.0);
    row.select((schedule_rows::generation, schedule_rows::active))
        .first(conn)
        .await
        .unwrap()
}

/// Ends an exec as its executor would.
async fn end(database: &TestDatabase, exec: &Exec) {
    diesel::update(exec_rows::table.find(exec.id.0))
        .set((
            exec_rows::state.eq("cancelled"),
            exec_rows::reason.eq("cancelled_by_user"),
            exec_rows::ended_at.eq(now),
        ))
        .execute(&mut database.owner().await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_read_back_and_keeps_the_schedule_it_does_not_touch() {
    let database = TestDatabase::new().await;
    let mut conn = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let exec = trigger(&mut conn, &job).await;
    let mut new = new_job();
    new.name = "renamed".to_owned();
    new.spec.rules.retries = Some(2);
    let updated = conn
        .transaction::<_, StoreError, _>(async |conn| {
            jobs::get_held(conn, job.id, Hold::Exclusive).await?;
            jobs::update(conn, job.id, new.clone()).await
        })
        .await
        .unwrap();
    assert_eq!(updated.definition, new);
    assert_eq!(
        jobs::get(&mut conn, job.id).await.unwrap().unwrap(),
        updated
    );
    assert_eq!(updated.created_at, job.created_at);
    assert!(updated.updated_at > job.updated_at);
    assert_eq!(generation(&mut conn, &job).await, (1, true));
    let kept = execs::get(&mut conn, job.id, exec.id).await.unwrap();
    assert_eq!(kept, Some(exec), "its snapshot stays");

    new.schedule_active = false;
    jobs::update(&mut conn, job.id, new).await.unwrap();
    assert_eq!(generation(&mut conn, &job).await, (2, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_recorded_once_and_an_ended_exec_stays_as_it_is() {
    let database = TestDatabase::new().await;
    let mut conn = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let exec = trigger(&mut conn, &job).await;
    let store = database.store(DatabaseRole::Gateway);
    let asked = join_all(["ann", "ben", "cem"].map(|by| {
        let (store, exec) = (store.clone(), exec.clone());
        async move { cancel(&mut store.connection().await.unwrap(), &exec, by).await }
    }))
    .await;
    let times: Vec<_> = asked
        .into_iter()
        .map(|exec| exec.unwrap().cancel_requested_at.unwrap())
        .collect();
    assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
    let told = events::list(&mut conn, exec.id).await.unwrap();
    assert_eq!((told.len(), told[0].kind), (1, EventKind::CancelRequested));
    assert_eq!((told[0].at, told[0].attempt), (times[0], 0));

    let ended = trigger(&mut conn, &job).await;
    end(&database, &ended).await;
    let found = cancel(&mut conn, &ended, "me").await.unwrap();
    assert!(found.state.is_terminal() && found.cancel_requested_at.is_none());
    assert_eq!(events::list(&mut conn, ended.id).await.unwrap(), []);
    let other = ManualTrigger {
        job_id: JobId(job.id.0 + 1),
        ..wish(job.id)
    };
    let elsewhere = execs::request_cancel(&mut conn, other.job_id, exec.id, "me").await;
    assert_eq!(elsewhere.unwrap(), None, "another job has no such exec");
    let open = execs::open_among(&mut conn, &[exec.id, ended.id, other.id]).await;
    assert_eq!(open.unwrap(), [exec.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_exec_is_hidden_and_asked_to_end_once() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    let mut conn = store.connection().await.unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let exec = trigger(&mut conn, &job).await;
    let deleted = join_all((0..4).map(|_| {
        let (store, exec) = (store.clone(), exec.clone());
        async move {
            let mut conn = store.connection().await.unwrap();
            conn.transaction::<_, StoreError, _>(async |conn| {
                execs::delete(conn, exec.job_id, exec.id, "me").await
            })
            .await
            .unwrap()
        }
    }))
    .await;
    let done: Vec<_> = deleted.into_iter().flatten().collect();
    assert_eq!(done.len(), 1, "one deletes, the others find nothing");
    assert!(done[0].cancel_requested_at.is_some());
    let found = execs::get(&mut conn, job.id, exec.id).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(cancel(&mut conn, &exec, "me").await, None);
    let open = execs::open_among(&mut conn, &[exec.id]).await.unwrap();
    assert_eq!(open, [], "nobody waits for a deleted one");

    let ended = trigger(&mut conn, &job).await;
    end(&database, &ended).await;
    let deleted = execs::delete(&mut conn, job.id, ended.id, "me").await;
    assert_eq!(deleted.unwrap().unwrap().cancel_requested_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_may_differ_from_its_job() {
    let database = TestDatabase::new().await;
    let mut conn = database
        .store(DatabaseRole::Gateway)
        .connection()
        .await
        .unwrap();
    let job = jobs::insert(&mut conn, new_job()).await.unwrap();
    let first = trigger(&mut conn, &job).await;
    let new = ManualExec {
        trigger: wish(job.id),
        namespace: "me".to_owned(),
        region: "south".to_owned(),
        spec: ExecSpec {
            image_tag: "2".to_owned(),
            ..first.spec.clone()
        },
        overrides: Some(serde_json::json!({ "docker_image_tag": "2" })),
        rerun_of: Some(first.id),
    };
    let exec = execs::insert_manual(&mut conn, &new).await.unwrap();
    assert_eq!((&exec.spec, &exec.overrides), (&new.spec, &new.overrides));
    assert_eq!(exec.rerun_of, Some(first.id));
    assert_eq!(exec.region, "south");
    let kept = execs::get(&mut conn, job.id, exec.id).await.unwrap();
    assert_eq!(kept, Some(exec));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_leaves_no_live_exec_however_triggers_cross() {
    let database = TestDatabase::new().await;
    let store = database.store(DatabaseRole::Gateway);
    let mut conn = store.connection().await.unwrap();
    let triggering = database.store(DatabaseRole::Gateway);
    for _ in 0..10 {
        let job = jobs::insert(&mut conn, new_job()).await.unwrap();
        let triggers = (0..6).map(|n| {
            let (store, wish) = (triggering.clone(), wish(job.id));
            async move {
                let mut conn = store.connection().await.unwrap();
                conn.transaction::<_, StoreError, _>(async |conn| match n % 3 {
                    0 => execs::trigger(conn, &wish).await,
                    1 => two_together(conn, wish.clone()).await,
                    _ => with_override(conn, wish.clone()).await,
                })
                .await
                .unwrap()
            }
        });
        let triggers = join_all(triggers);
        let deletions = join_all((0..2).map(|_| {
            let (store, id) = (store.clone(), job.id);
            async move {
                let mut conn = store.connection().await.unwrap();
                conn.transaction::<_, StoreError, _>(async |conn| {
                    jobs::delete(conn, id, "me").await
                })
                .await
                .unwrap()
            }
        }));
        let (_, deleted) = tokio::join!(triggers, deletions);
        assert_eq!(deleted.iter().flatten().count(), 1, "deleted once");
        let live: i64 = exec_rows::table
            .filter(exec_rows::job_id.eq(job.id.0))
            .filter(exec_rows::cancel_requested_at.is_null())
            .count()
            .get_result(&mut conn)
            .await
            .unwrap();
        assert_eq!(live, 0);
        assert_eq!(generation(&mut conn, &job).await, (2, false));
        assert_eq!(jobs::get(&mut conn, job.id).await.unwrap(), None);
        let held = jobs::get_held(&mut conn, job.id, Hold::Shared).await;
        assert_eq!(held.unwrap(), None);
    }
}

/// The first of two that are triggered by one statement.
async fn two_together(
    conn: &mut PgConnection,
    trigger: ManualTrigger,
) -> Result<Option<Exec>, StoreError> {
    let both = [plain(wish(trigger.job_id)), plain(trigger)];
    let made = execs::trigger_together(conn, &both).await?;
    let first = made.into_iter().next().flatten();
    first.map(Exec::try_from).transpose()
}

async fn with_override(
    conn: &mut PgConnection,
    trigger: ManualTrigger,
) -> Result<Option<Exec>, StoreError> {
    let Some(job) = jobs::get_held(conn, trigger.job_id, Hold::Shared).await? else {
        return Ok(None);
    };
    let new = ManualExec {
        trigger,
        namespace: job.definition.namespace,
        region: job.definition.region,
        spec: job.definition.spec,
        overrides: None,
        rerun_of: None,
    };
    execs::insert_manual(conn, &new).await.map(Some)
}
