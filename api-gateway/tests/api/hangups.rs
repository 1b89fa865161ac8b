//! Clients that go away in the middle of a request: it is done as a whole or
//! not at all.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{TestApp, spawn_app};
use crate::wire::{JOB, connect, exchange, post_head};

const GRACE: Duration = Duration::from_secs(20);
const AUDITED: &str = "audit_log WHERE action = 'job.create'";

/// Sends so many bytes and closes: politely, or as a process that is killed
/// with unread data does.
async fn hang_up(app: &TestApp, bytes: &[u8], abruptly: bool) {
    let mut stream = connect(app).await;
    if abruptly {
        stream.set_zero_linger().unwrap();
    }
    stream.write_all(bytes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_half_done() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let request = format!("{}{JOB}", post_head(&user.token, JOB.len()));
    let cuts = [
        request.len(),
        request.len() - 1,
        request.len() - JOB.len(),
        20,
    ];
    for round in 0..50 {
        for cut in cuts {
            hang_up(&app, &request.as_bytes()[..cut], round % 2 == 0).await;
        }
    }
    // The one who waited got an answer, so those before were all accepted.
    let closing = request.replacen("Host", "Connection: close\r\nHost", 1);
    let answer = exchange(&app, closing.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(app.process.drain(GRACE, GRACE).await);
    let jobs = app.database.rows("jobs").await;
    assert!((1..=51).contains(&jobs), "{jobs}");
    let whole = "jobs JOIN schedules ON schedules.job_id = jobs.id";
    assert_eq!(app.database.rows(whole).await, jobs);
    for table in ["schedules", AUDITED] {
        assert_eq!(app.database.rows(table).await, jobs, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_is_finished_without_its_client() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let blocker = app.database.lock("schedules").await;
    let request = format!("{}{JOB}", post_head(&user.token, JOB.len()));
    hang_up(&app, request.as_bytes(), false).await;
    // Its transaction waits for the second table.
    let waiting = "pg_locks WHERE NOT granted AND relation = 'schedules'::regclass \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while app.database.rows(waiting).await == 0 {}
    drop(blocker);
    let mut stream = connect(&app).await;
    let list = format!(
        "GET /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {}\r\n\r\n",
        user.token
    );
    stream.write_all(list.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(app.process.drain(GRACE, GRACE).await);
    for table in ["jobs", "schedules", AUDITED] {
        assert_eq!(app.database.rows(table).await, 1, "{table}: {answer}");
    }
}
