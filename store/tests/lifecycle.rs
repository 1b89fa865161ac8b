//! The life of an exec on a real Postgres, with the rights of executor-svc only.
#![allow(clippy::unwrap_used, reason = "tests: a panic is the report")]

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use futures::future::join_all;
use shared_types::{EventKind, ExecEvent, ExecId, ExecState, Reason};
use store::lifecycle::{
    self, Applied, Claim, End, Ended, Placement, Retry, Start, StopReason, Tracked,
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
        let mut conn = self.conn().await;
        let stored = lifecycle::record_job(&mut conn, exec, 1, "job-1").await;
        assert_eq!(stored.unwrap(), Applied::Done);
        exec
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
        conn.transaction(async |conn| lifecycle::begin_attempt(conn, exec, attempt, now()).await)
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
        conn.transaction(async |conn| lifecycle::claim(conn, exec, &claim).await)
            .await
            .unwrap()
    }

    async fn end(&self, exec: ExecId, end: &End) -> Ended {
        let mut conn = self.conn().await;
        conn.transaction(async |conn| lifecycle::end(conn, exec, end).await)
            .await
            .unwrap()
    }

    async fn retry(&self, exec: ExecId, only_unclaimed: bool) -> Applied {
        let retry = Retry {
            attempt: 1,
            reason: Reason::RejectedByNode,
            message: "no".to_owned(),
            line: "Attempt 1 ended.".to_owned(),
            at: now(),
            only_unclaimed,
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
        only_unclaimed: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_step_by_step() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let begun = now();
    let mut conn = ring.conn().await;
    for expected in [Applied::Done, Applied::TooLate] {
        let placed = lifecycle::place(&mut conn, exec, 1, &placement(begun)).await;
        assert_eq!(placed.unwrap(), expected);
    }
    for expected in [Applied::Done, Applied::TooLate] {
        let start = started(begun + TimeDelta::milliseconds(1));
        let result: Result<_, StoreError> = conn
            .transaction(async |conn| lifecycle::start(conn, exec, 1, &start).await)
            .await;
        assert_eq!(result.unwrap(), expected);
    }
    assert_eq!(ring.tracked(exec).await.state, ExecState::Running);
    let mut end = ending(ExecEvent::Failed, Reason::ExitCode);
    end.exit_code = Some(3);
    end.at = begun - TimeDelta::seconds(5);
    assert_eq!(ring.end(exec, &end).await, Ended::Moved(ExecState::Failed));
    assert_eq!(ring.end(exec, &end).await, Ended::Stays);
    let refused = ring
        .end(exec, &ending(ExecEvent::Succeeded, Reason::Completed))
        .await;
    assert_eq!(refused, Ended::Refused(ExecState::Failed));
    let tracked = ring.tracked(exec).await;
    assert_eq!(
        tracked.ended_at,
        Some(begun + TimeDelta::milliseconds(1)),
        "never before its start"
    );
    assert!(tracked.attempts[0].settled_at > tracked.ended_at);
    let kinds: Vec<_> = ring
        .kinds(exec)
        .await
        .into_iter()
        .map(|entry| entry.1)
        .collect();
    for kind in [
        EventKind::Attempted,
        EventKind::Claimed,
        EventKind::Pulling,
        EventKind::Running,
        EventKind::Ended,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert_eq!(kinds.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_never_seen_running_makes_both_moves() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let at = now();
    let mut end = ending(ExecEvent::Succeeded, Reason::Completed);
    assert_eq!(
        ring.end(exec, &end).await,
        Ended::Refused(ExecState::Waiting)
    );
    end.start = Some(started(at));
    assert_eq!(
        ring.end(exec, &end).await,
        Ended::Moved(ExecState::Succeeded)
    );
    let lines: Vec<_> = ring
        .kinds(exec)
        .await
        .into_iter()
        .map(|entry| entry.2)
        .collect();
    assert!(lines.contains(&"Start running!".to_owned()));
    assert!(lines.contains(&"Start pulling image: i:t".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claimers_exactly_one_pod_wins() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let pods = ["a", "b", "c", "d"];
    let claims = join_all(pods.map(|pod| ring.claim(exec, pod))).await;
    let won: Vec<_> = pods
        .iter()
        .zip(claims)
        .filter(|(_, claim)| *claim == Applied::Done)
        .collect();
    assert_eq!(won.len(), 1);
    let winner = *won[0].0;
    assert_eq!(
        ring.tracked(exec).await.attempts[0].pod_uid.as_deref(),
        Some(winner)
    );
    assert_eq!(
        ring.claim(exec, winner).await,
        Applied::Done,
        "again is the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_or_cancel_but_never_both() {
    let ring = Ring::new().await;
    let cancelled = ring.created().await;
    ring.cancel(cancelled).await;
    assert_eq!(ring.claim(cancelled, "pod-1").await, Applied::TooLate);

    for _ in 0..10 {
        let exec = ring.created().await;
        let mut end = ending(ExecEvent::Cancelled, Reason::CancelledByUser);
        end.only_unclaimed = true;
        let (claim, ended) = tokio::join!(ring.claim(exec, "pod-1"), ring.end(exec, &end));
        let claimed = claim == Applied::Done;
        let state = ring.tracked(exec).await.state;
        assert_eq!(ended == Ended::Moved(ExecState::Cancelled), !claimed);
        assert_eq!(
            state,
            if claimed {
                ExecState::Waiting
            } else {
                ExecState::Cancelled
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_or_retry_but_never_both() {
    let ring = Ring::new().await;
    for _ in 0..10 {
        let exec = ring.created().await;
        let (claim, retry) = tokio::join!(ring.claim(exec, "pod-1"), ring.retry(exec, true));
        assert_ne!(claim == Applied::Done, retry == Applied::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_follow_each_other() {
    let ring = Ring::new().await;
    let exec = ring.exec().await;
    let begun = join_all((0..4).map(|_| ring.begin(exec, 1))).await;
    assert_eq!(
        begun
            .iter()
            .filter(|begun| **begun == Applied::Done)
            .count(),
        1
    );
    assert_eq!(ring.begin(exec, 3).await, Applied::TooLate);
    assert_eq!(ring.claim(exec, "pod-1").await, Applied::Done);
    assert_eq!(ring.retry(exec, false).await, Applied::Done);
    assert_eq!(ring.retry(exec, false).await, Applied::TooLate);
    let tracked = ring.tracked(exec).await;
    assert_eq!((tracked.attempt, tracked.attempts.len()), (2, 2));
    assert_eq!(tracked.attempts[0].reason, Some(Reason::RejectedByNode));
    assert!(tracked.attempts[0].settled_at.is_some());
    assert_eq!(
        ring.claim(exec, "pod-1").await,
        Applied::TooLate,
        "the old attempt's pod"
    );
    ring.cancel(exec).await;
    assert_eq!(
        ring.begin(exec, 3).await,
        Applied::TooLate,
        "a cancel wins over a retry"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_forgotten_only_before_a_claim() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let mut conn = ring.conn().await;
    let other = lifecycle::record_job(&mut conn, exec, 1, "job-2").await;
    assert_eq!(other.unwrap(), Applied::TooLate);
    for (uid, expected) in [("job-2", Applied::TooLate), ("job-1", Applied::Done)] {
        assert_eq!(
            lifecycle::forget_job(&mut conn, exec, 1, uid)
                .await
                .unwrap(),
            expected
        );
    }
    lifecycle::record_job(&mut conn, exec, 1, "job-2")
        .await
        .unwrap();
    ring.claim(exec, "pod-1").await;
    let late = lifecycle::forget_job(&mut conn, exec, 1, "job-2").await;
    assert_eq!(late.unwrap(), Applied::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_verdict_stays() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let mut conn = ring.conn().await;
    for (reason, expected) in [
        (Reason::ImagePull, Applied::Done),
        (Reason::ConfigError, Applied::TooLate),
    ] {
        let verdict = StopReason {
            reason,
            message: "m".to_owned(),
        };
        let condemned = lifecycle::condemn(&mut conn, exec, 1, &verdict).await;
        assert_eq!(condemned.unwrap(), expected);
    }
    assert_eq!(
        ring.tracked(exec).await.attempts[0].reason,
        Some(Reason::ImagePull)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_is_corrected_by_evidence() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let lost = ending(ExecEvent::Vanished, Reason::NodeLost);
    assert_eq!(ring.end(exec, &lost).await, Ended::Moved(ExecState::Lost));
    let mut real = ending(ExecEvent::Succeeded, Reason::Completed);
    real.at -= TimeDelta::minutes(5);
    real.line = "Succeeded.".to_owned();
    assert_eq!(
        ring.end(exec, &real).await,
        Ended::Moved(ExecState::Succeeded)
    );
    assert_eq!(ring.end(exec, &lost).await, Ended::Stays);
    let (_, kind, line) = ring.kinds(exec).await.pop().unwrap();
    assert_eq!((kind, &*line), (EventKind::Corrected, "Succeeded."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_exec_can_be_referred_to() {
    let ring = Ring::new().await;
    let exec = ring.created().await;
    let mut conn = ring.conn().await;
    let held: Result<_, StoreError> = conn
        .transaction(async |conn| {
            let forgotten = lifecycle::forget_job(conn, exec, 1, "another").await;
            ring.owner(&format!(
                "SET lock_timeout = '2s';
                 INSERT INTO exec_events (exec_id, attempt, kind, at, message)
                     VALUES ('{exec}', 0, 'cancel_requested', now(), '')"
            ))
            .await;
            forgotten
        })
        .await;
    assert_eq!(held.unwrap(), Applied::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_a_log_is_told_once() {
    let ring = Ring::new().await;
    let exec = ring.claimed().await;
    let first = now();
    let mut conn = ring.conn().await;
    for at in [first, first + TimeDelta::seconds(1)] {
        lifecycle::abandon_logs(&mut conn, exec, 1, (at, "gone"))
            .await
            .unwrap();
    }
    assert_eq!(ring.tracked(exec).await.logs_abandoned_at, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_execs_are_read_page_by_page() {
    let ring = Ring::new().await;
    let (first, second, over) = (
        ring.exec().await,
        ring.claimed().await,
        ring.created().await,
    );
    ring.end(over, &ending(ExecEvent::Failed, Reason::PodRefused))
        .await;
    let mut conn = ring.conn().await;
    let mut seen = Vec::new();
    let mut after = None;
    while let Some(exec) = lifecycle::open_page(&mut conn, REGION, after, 1)
        .await
        .unwrap()
        .pop()
    {
        after = Some(exec.id);
        seen.push((exec.id, exec.attempts.len()));
    }
    assert_eq!(seen, [(first, 0), (second, 1)]);
    assert!(
        lifecycle::open_page(&mut conn, "elsewhere", None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let spec = lifecycle::spec(&mut conn, first).await.unwrap().unwrap();
    assert_eq!(spec.image(), "i:t");
    assert_eq!(
        lifecycle::spec(&mut conn, ExecId::new()).await.unwrap(),
        None
    );
}
