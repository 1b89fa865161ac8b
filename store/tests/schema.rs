//! The schema itself: diesel's view of it, and what each role may not do.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use std::fs::{read_dir, read_to_string};

use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use shared_types::{Command, ExecId, ExecSpec, JobId, TriggerMode};
use store::execs::{self, NewExec};
use store::schema::{
    accounts, audit_log, backfills, calendars, exec_attempts, exec_counts, exec_events,
    execs as exec_rows, idempotency_keys, jobs, leases, log_chunks, log_streams, members,
    memberships, registry_credentials, schedule_history, schedules, secrets, slots, tokens,
};
use store::testing::TestDatabase;
use store::{DatabaseRole, PgConnection};

macro_rules! reads {
    ($conn:expr, $($table:ident),+) => {
        // Naming every column makes Postgres compare diesel's view with its own.
        $(assert_eq!($table::table.select($table::all_columns).limit(0)
            .execute($conn).await, Ok(0), stringify!($table));)+
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn diesel_and_the_migrations_agree() {
    let database = TestDatabase::new().await;
    let conn = &mut database.owner().await;
    reads!(
        conn,
        accounts,
        memberships,
        tokens,
        secrets,
        registry_credentials,
        jobs,
        schedules,
        schedule_history,
        backfills,
        members,
        leases,
        exec_rows,
        exec_counts,
        exec_attempts,
        exec_events,
        slots,
        log_streams,
        log_chunks,
        idempotency_keys,
        audit_log,
        calendars
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_and_go_back() {
    let database = TestDatabase::new().await;
    assert!(
        store::migrate::run(&database.url.parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    let conn = &mut database.owner().await;
    let mut migrations: Vec<_> = read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    migrations.sort();
    let downs = migrations.iter().rev().map(|path| path.join("down.sql"));
    let ups = migrations.iter().map(|path| path.join("up.sql"));
    for path in downs.chain(ups) {
        let script = read_to_string(&path).unwrap();
        let done = conn.batch_execute(&script).await;
        assert!(done.is_ok(), "{}: {done:?}", path.display());
    }
}

async fn job(conn: &mut PgConnection) -> JobId {
    conn.batch_execute(
        "INSERT INTO jobs (namespace, name, created_by, region, spec)
         VALUES ('a', 'n', 'a', 'R', '{}')",
    )
    .await
    .unwrap();
    JobId(jobs::table.select(jobs::id).first(conn).await.unwrap())
}

fn exec(job_id: JobId) -> NewExec {
    NewExec {
        id: ExecId::new(),
        job_id,
        namespace: "a".to_owned(),
        region: "R".to_owned(),
        trigger_mode: TriggerMode::Manual,
        slot_at: None,
        created_by: "a".to_owned(),
        spec: ExecSpec {
            command: Command::Text("true".to_owned()),
            image_repo: "demo".to_owned(),
            image_tag: "v1".to_owned(),
            size: "XS".to_owned(),
            vars: [].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [].into(),
            rules: shared_types::RunRules::default(),
        },
    }
}

/// Each line: a role and a statement on another service's columns.
#[rustfmt::skip]
const FORBIDDEN: &[(DatabaseRole, &str)] = &[
    (DatabaseRole::Gateway, "UPDATE execs SET state = 'failed', reason = 'oom', ended_at = now()"),
    (DatabaseRole::Gateway, "INSERT INTO exec_attempts (exec_id, attempt) SELECT id, 1 FROM execs"),
    (DatabaseRole::Gateway, "UPDATE schedules SET next_at = now()"),
    (DatabaseRole::Gateway, "UPDATE schedules SET due_at = now()"),
    (DatabaseRole::Gateway, "UPDATE slots SET outcome = 'skipped'"),
    (DatabaseRole::Gateway, "UPDATE backfills SET fired = 1"),
    (DatabaseRole::Gateway, "SELECT * FROM leases"),
    (DatabaseRole::Gateway, "INSERT INTO schedule_history SELECT job_id, generation, mode, rules, anchor, active, effective_from FROM schedules"),
    (DatabaseRole::Gateway, "DELETE FROM execs"),
    (DatabaseRole::Gateway, "UPDATE exec_counts SET count = 0"),
    (DatabaseRole::Gateway, "DELETE FROM audit_log"),
    (DatabaseRole::Gateway, "UPDATE audit_log SET actor = 'x'"),
    (DatabaseRole::Scheduler, "SELECT * FROM secrets"),
    (DatabaseRole::Executor, "UPDATE secrets SET sealed = ''"),
    (DatabaseRole::Executor, "SELECT * FROM audit_log"),
    (DatabaseRole::Logs, "UPDATE secrets SET sealed = ''"),
    (DatabaseRole::Logs, "DELETE FROM secrets"),
    (DatabaseRole::Logs, "SELECT * FROM registry_credentials"),
    (DatabaseRole::Logs, "SELECT * FROM memberships"),
    (DatabaseRole::Gateway, "UPDATE log_streams SET next_seq = 0"),
    (DatabaseRole::Scheduler, "UPDATE schedules SET generation = generation + 1"),
    (DatabaseRole::Scheduler, "UPDATE execs SET state = 'failed', reason = 'oom', ended_at = now()"),
    (DatabaseRole::Scheduler, "UPDATE schedules SET rules = '{}'"),
    (DatabaseRole::Scheduler, "UPDATE slots SET first_at = now()"),
    (DatabaseRole::Scheduler, "DELETE FROM slots"),
    (DatabaseRole::Scheduler, "UPDATE backfills SET dropped_at = now()"),
    (DatabaseRole::Scheduler, "UPDATE jobs SET name = 'x'"),
    (DatabaseRole::Scheduler, "SELECT * FROM tokens"),
    (DatabaseRole::Executor, "UPDATE execs SET cancel_requested_at = now()"),
    (DatabaseRole::Executor, "UPDATE execs SET spec = '{}'"),
    (DatabaseRole::Executor, "UPDATE log_streams SET next_seq = 0"),
    (DatabaseRole::Executor, "SELECT * FROM tokens"),
    (DatabaseRole::Logs, "UPDATE execs SET state = 'failed'"),
    (DatabaseRole::Logs, "UPDATE exec_attempts SET pod_uid = 'x'"),
    (DatabaseRole::Logs, "SELECT * FROM tokens"),
    (DatabaseRole::Logs, "SELECT * FROM jobs"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_role_writes_anothers_columns() {
    let database = TestDatabase::new().await;
    let job = job(&mut database.owner().await).await;
    let gateway = database.store(DatabaseRole::Gateway);
    execs::insert(&mut gateway.connection().await.unwrap(), &[exec(job)])
        .await
        .unwrap();
    for (role, statement) in FORBIDDEN {
        let store = database.store(*role);
        let mut conn = store.connection().await.unwrap();
        let error = conn.batch_execute(statement).await.unwrap_err().to_string();
        assert!(
            error.contains("permission denied"),
            "{role}: {statement}: {error}"
        );
    }
}
