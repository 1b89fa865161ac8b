//! The life of an exec on a real Postgres, with the rights of executor-svc only.
#![allow(clippy::unwrap_used, reason = "tests: a panic is the report")]

mod admission;
mod claims;
mod ends;
mod programs;
mod purge;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use futures::future::join_all;
use shared_types::{
    EventKind, ExecEvent, ExecId, ExecState, Phase, Reason, RetryOn, RunRules, Shards,
};
use store::lifecycle::{
    self, Applied, Claim, End, Ended, Held, MadeJob, Obstacle, Placement, Retry, Start, StopReason,
    Tracked,
};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PooledConnection, Store, StoreError, events};

const REGION: &str = "here";

struct Ring {
    database: TestDatabase,
    store: Store,
}

impl Ring {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store(DatabaseRole::Executor);
        Self { database, store }
    }

    async fn conn(&self) -> PooledConnection {
        self.store.connection().await.unwrap()
    }

    async fn owner(&self, sql: &str) {
        self.database
            .owner()
            .await
            .batch_execute(sql)
            .await
            .unwrap();
    }

    /// A waiting exec of which nothing was done.
    async fn exec(&self) -> ExecId {
        let exec = ExecId::new();
        let spec = r#"{"command":"echo","image_repo":"i","image_tag":"t","size":"S","vars":{}}"#;
        self.owner(&format!(
            "INSERT INTO jobs (namespace, name, created_by, region, spec)
                 VALUES ('demo', 'j', 'demo', '{REGION}', '{spec}');
             INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by, spec)
                 SELECT '{exec}', max(id), 'demo', '{REGION}', 0, 'M', 'demo', '{spec}' FROM jobs"
        ))
        .await;
        exec
    }

    /// A waiting exec with a recorded attempt and Job.
    async fn created(&self) -> ExecId {
        let exec = self.exec().await;
        assert_eq!(self.begin(exec, 1).await, Applied::Done);
        assert_eq!(self.record_job(exec, "job-1").await, Applied::Done);
        exec
    }

    /// Of the first attempt.
    async fn record_job(&self, exec: ExecId, uid: &str) -> Applied {
        let made = MadeJob {
            exec,
            attempt: 1,
            uid: uid.to_owned(),
        };
        let mut conn = self.conn().await;
        let applied = lifecycle::record_jobs(&mut conn, &[made]).await.unwrap();
        applied[0]
    }

    async fn claimed(&self) -> ExecId {
        let exec = self.created().await;
        assert_eq!(self.claim(exec, "pod-1").await, Applied::Done);
        exec
    }

    async fn cancel(&self, exec: ExecId) {
        self.owner(&format!(
            "UPDATE execs SET cancel_requested_at = now() WHERE id = '{exec}'"
        ))
        .await;
    }

    async fn begin(&self, exec: ExecId, attempt: i32) -> Applied {
        let mut conn = self.conn().await;
        conn.transaction(async |conn| {
            lifecycle::begin_attempt(conn, exec, attempt, (now(), None)).await
        })
        .await
        .unwrap()
    }

    async fn claim(&self, exec: ExecId, pod: &str) -> Applied {
        let (pod_uid, pod_name) = (pod.to_owned(), pod.to_owned());
        let claim = Claim {
            attempt: 1,
            pod_uid,
            pod_name,
            at: now(),
        };
        let mut conn = self.conn().await;
        lifecycle::claim(&mut conn, exec, &claim).await.unwrap()
    }

    async fn end(&self, exec: ExecId, end: &End) -> Ended {
        let mut conn = self.conn().await;
        conn.transaction(async |conn| lifecycle::end(conn, exec, end).await)
            .await
            .unwrap()
    }

    async fn retry(&self, exec: ExecId, end: End) -> Applied {
        let (at, not_before) = (now(), now() + TimeDelta::seconds(9));
        let retry = Retry {
            end,
            at,
            not_before,
        };
        let mut conn = self.conn().await;
        conn.transaction(async |conn| lifecycle::retry(conn, exec, &retry).await)
            .await
            .unwrap()
    }

    async fn tracked(&self, exec: ExecId) -> Tracked {
        let mut conn = self.conn().await;
        lifecycle::load(&mut conn, &[exec]).await.unwrap().remove(0)
    }

    async fn kinds(&self, exec: ExecId) -> Vec<(i32, EventKind, String)> {
        let mut conn = self.database.owner().await;
        let entries = events::list(&mut conn, exec).await.unwrap();
        entries
            .into_iter()
            .map(|entry| (entry.attempt, entry.kind, entry.message))
            .collect()
    }
}

fn now() -> DateTime<Utc> {
    // Postgres keeps microseconds.
    DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap()
}

fn placement(at: DateTime<Utc>) -> Placement {
    Placement {
        node: "n".to_owned(),
        at,
        line: "Start pulling image: i:t".to_owned(),
    }
}

fn started(at: DateTime<Utc>) -> Start {
    Start {
        placement: placement(at),
        at,
        line: "Start running!".to_owned(),
    }
}

fn ending(event: ExecEvent, reason: Reason) -> End {
    End {
        attempt: 1,
        event,
        reason,
        message: "why".to_owned(),
        line: "How.".to_owned(),
        exit_code: None,
        at: now(),
        start: None,
        placement: None,
        said: None,
        only_unclaimed: false,
    }
}
