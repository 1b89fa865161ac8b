//! The service from its watch to the finalizer.

use std::io::Write;
use std::time::Duration;

use chassis::Process;
use serde_json::json;
use shared_types::{ExecEvent, Reason};
use store::lifecycle::{self, Claim, End};
use store::logs;
use store::{AsyncConnection, DatabaseRole, StoreError};

use crate::container::{FileLine, instant, line};
use crate::fixture::{Attempt, Fixture, KEY, REGION, soon};

async fn start(fixture: &Fixture) -> Process {
    let process = Process::for_test("log-svc");
    let mut config = fixture.config(KEY);
    config.cluster.kubeconfig = Some(kubeconfig(&fixture.server.url));
    config.tail.follows = 4;
    let file = config.cluster.kubeconfig.clone().unwrap();
    log_svc::app::start(config, process.clone()).await.unwrap();
    std::fs::remove_file(file).unwrap();
    process
}

fn kubeconfig(url: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!(
        "log-svc-test-{}.json",
        url.rsplit(':').next().unwrap()
    ));
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": url } }],
        "users": [{ "name": "test", "user": {} }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
    });
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.to_string().as_bytes())
        .unwrap();
    path
}

async fn stop(process: &Process) {
    assert!(
        process
            .drain(Duration::from_secs(10), Duration::from_secs(1))
            .await
    );
    assert_eq!(process.tasks.failure(), None);
}

async fn until_sealed(fixture: &Fixture, attempt: &Attempt) {
    soon(async {
        while fixture
            .stream(attempt)
            .await
            .is_none_or(|stream| stream.sealed_at.is_none())
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pods_than_follows_and_a_restart_between() {
    let fixture = Fixture::new().await;
    let mut attempts = Vec::new();
    for _ in 0..6 {
        attempts.push(fixture.attempt().await);
    }
    let lines: Vec<FileLine> = (0..200).map(|n| line(n, format!("line {n}"))).collect();
    let first = start(&fixture).await;
    for attempt in &attempts {
        attempt.container.print(lines[..100].to_vec());
    }
    soon(async {
        while attempts
            .iter()
            .filter(|attempt| attempt.container.follows() > 0)
            .count()
            < 4
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(
        attempts
            .iter()
            .filter(|attempt| attempt.container.follows() > 0)
            .count()
            == 4
    );
    stop(&first).await;
    let second = start(&fixture).await;
    // The first to end are the last in line for a follow; they do not wait.
    for attempt in attempts.iter().rev() {
        attempt.container.print(lines[100..].to_vec());
        fixture.end(attempt);
    }
    for attempt in &attempts {
        soon(fixture.server.state.let_go(&attempt.name)).await;
        fixture.assert_complete(attempt, &lines).await;
    }
    soon(async {
        while !second.readiness.is_ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop(&second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_appears_later_is_read() {
    let fixture = Fixture::new().await;
    let process = start(&fixture).await;
    let attempt = fixture.attempt().await;
    let lines = [line(0, "one"), line(1, "two")];
    attempt.container.print(lines.clone());
    soon(async {
        while fixture.stored(&attempt).await.len() != 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    fixture.end(&attempt);
    soon(fixture.server.state.let_go(&attempt.name)).await;
    fixture.assert_complete(&attempt, &lines).await;
    stop(&process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_open_is_sealed_at_the_start() {
    let fixture = Fixture::new().await;
    let (gone, abandoned, waits) = (
        fixture.attempt().await,
        fixture.attempt().await,
        fixture.attempt().await,
    );
    let mut conn = fixture.store.connection().await.unwrap();
    for attempt in [&gone, &waits] {
        logs::open(&mut conn, attempt.key, REGION, &attempt.uid)
            .await
            .unwrap();
    }
    drop(conn);
    fixture.server.state.delete_pod(&gone.name);
    fixture.server.state.delete_pod(&abandoned.name);
    abandon(&fixture, &abandoned).await;
    let process = start(&fixture).await;
    for attempt in [&gone, &abandoned] {
        until_sealed(&fixture, attempt).await;
        assert_eq!(fixture.stream(attempt).await.unwrap().complete, Some(false));
    }
    fixture.end(&waits);
    until_sealed(&fixture, &waits).await;
    fixture.assert_complete(&waits, &[]).await;
    stop(&process).await;
}

/// As the executor does when its patience is over.
async fn abandon(fixture: &Fixture, attempt: &Attempt) {
    let (exec, at) = (attempt.key.exec, instant(0));
    let claim = Claim {
        attempt: 1,
        pod_uid: attempt.uid.clone(),
        pod_name: attempt.name.clone(),
        at,
    };
    let end = End {
        attempt: 1,
        event: ExecEvent::Vanished,
        reason: Reason::NodeLost,
        message: String::new(),
        line: String::new(),
        exit_code: None,
        at,
        start: None,
        placement: None,
        said: None,
        only_unclaimed: false,
    };
    let mut conn = fixture
        .database
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    conn.transaction::<_, StoreError, _>(async |conn| {
        lifecycle::begin_attempt(conn, exec, 1, (at, None)).await?;
        lifecycle::claim(conn, exec, &claim).await?;
        lifecycle::end(conn, exec, &end).await?;
        lifecycle::abandon_logs(conn, exec, 1, (at, "")).await
    })
    .await
    .unwrap();
}
