//! When a log's answer is all of it, and what says so.

use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{ExecEvent, ExecId, Reason};
use store::lifecycle::{self, Claim, End, Ended};
use store::logs::{self, Append, LogLine, Opened, StreamKey, Verdict};
use store::{AsyncConnection, DatabaseRole, PooledConnection, StoreError};

use crate::app::{TestApp, User, exec_path, read, spawn_app};

fn id(exec: &Value) -> ExecId {
    exec["id"].as_str().unwrap().parse().unwrap()
}

/// Ends the exec as its executor does, with a claimed pod or none.
pub(crate) async fn end(app: &TestApp, exec: &Value, claimed: bool) {
    let (exec, at) = (id(exec), Utc::now());
    let mut conn = app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    let claim = Claim {
        attempt: 1,
        pod_uid: "uid".to_owned(),
        pod_name: "pod".to_owned(),
        at,
    };
    let end = End {
        attempt: i32::from(claimed),
        event: ExecEvent::Cancelled,
        reason: Reason::CancelledByUser,
        message: "Cancelled.".to_owned(),
        line: "Cancelled.".to_owned(),
        exit_code: None,
        at,
        start: None,
        placement: None,
        said: None,
        only_unclaimed: false,
    };
    let ended = conn
        .transaction::<_, StoreError, _>(async |conn| {
            if claimed {
                let _ = lifecycle::begin_attempt(conn, exec, 1, (at, None)).await?;
                let _ = lifecycle::claim(conn, exec, &claim).await?;
            }
            lifecycle::end(conn, exec, &end).await
        })
        .await
        .unwrap();
    assert!(matches!(ended, Ended::Moved(_)));
}

/// Stores one line as the log reader does, in a transaction of the caller's.
pub(crate) async fn store_and_seal(
    conn: &mut PooledConnection,
    exec: &Value,
    verdict: Verdict,
) -> Result<(), StoreError> {
    store_lines_and_seal(conn, exec, vec![b"last".to_vec()], verdict).await
}

/// The same with these lines.
pub(crate) async fn store_lines_and_seal(
    conn: &mut PooledConnection,
    exec: &Value,
    lines: Vec<Vec<u8>>,
    verdict: Verdict,
) -> Result<(), StoreError> {
    let key = StreamKey {
        exec: id(exec),
        attempt: 1,
    };
    let Opened::Writer(writer) = logs::open(conn, key, "north", "uid").await? else {
        panic!("the stream cannot be opened");
    };
    let line = |bytes| LogLine {
        at: Utc::now(),
        continued: false,
        gap_before: false,
        bytes,
    };
    let lines: Vec<_> = lines.into_iter().map(line).collect();
    conn.transaction::<_, StoreError, _>(async |conn| {
        let Append::Written(writer) = logs::append(conn, &writer, &lines).await? else {
            panic!("fenced");
        };
        logs::seal(conn, &writer, &verdict).await.map(drop)
    })
    .await
}

async fn log(user: &User<'_>, exec: &Value) -> (String, Value) {
    let path = format!("{}/logs", exec_path(exec));
    let response = user.send(Method::GET, &path, None).await;
    let complete = response.headers()["x-log-complete"].to_str().unwrap();
    let complete = complete.to_owned();
    (complete, read(response).await.1)
}

/// A program may end in the middle of a line, and a node may lose what came after it:
/// nobody can tell which, so it is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_says_whether_it_ends_in_the_middle_of_a_line() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    for (verdict, said) in [
        (Verdict::EndsMidLine, ["true", "true"]),
        (Verdict::Complete, ["true", "false"]),
        (Verdict::Incomplete("gone".to_owned()), ["false", "false"]),
    ] {
        let exec = user.exec(&job).await;
        end(&app, &exec, true).await;
        let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
        store_and_seal(&mut conn, &exec, verdict).await.unwrap();
        let path = format!("{}/logs", exec_path(&exec));
        let response = user.send(Method::GET, &path, None).await;
        let headers = ["x-log-complete", "x-log-ends-mid-line"];
        assert_eq!(headers.map(|name| response.headers()[name].clone()), said);
    }
}

fn messages(log: &Value) -> Vec<&str> {
    let lines = log.as_array().unwrap().iter();
    lines
        .map(|line| line["message"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_waits_for_the_seal_of_an_ended_exec() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    assert_eq!(log(&user, &exec).await, ("false".to_owned(), json!([])));
    end(&app, &exec, true).await;
    let logs = app.store(DatabaseRole::Logs);
    let (answer, ()) = tokio::join!(log(&user, &exec), async {
        let mut conn = logs.connection().await.unwrap();
        store_and_seal(&mut conn, &exec, Verdict::Complete)
            .await
            .unwrap();
    });
    assert_eq!(answer.0, "true");
    assert_eq!(messages(&answer.1), ["last", "Cancelled."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_log_says_so() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    end(&app, &exec, true).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    let verdict = Verdict::Incomplete("the pod was gone".to_owned());
    store_and_seal(&mut conn, &exec, verdict).await.unwrap();
    let (complete, log) = log(&user, &exec).await;
    assert_eq!(complete, "false");
    let told = "The log is incomplete: the pod was gone.";
    assert_eq!(messages(&log), ["last", "Cancelled.", told]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_does_not_come_is_not_waited_for_for_ever() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    end(&app, &exec, true).await;
    let (complete, log) = log(&user, &exec).await;
    assert_eq!(complete, "false");
    assert_eq!(messages(&log), ["Cancelled."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_without_a_pod_has_its_whole_log_at_once() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    end(&app, &exec, false).await;
    let (complete, log) = log(&user, &exec).await;
    assert_eq!(complete, "true");
    assert_eq!(messages(&log), ["Cancelled."]);
}
