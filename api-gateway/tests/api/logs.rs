//! The log of an exec, from rows as executor and log reader write them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_types::{EventKind, ExecId};
use store::events::{self, ExecEventEntry};
use store::logs::{self, Append, LogLine, Opened, StreamKey};
use store::{AsyncConnection, DatabaseRole, StoreError};

use crate::app::{TestApp, exec_path, spawn_app};
use crate::samples::{self, assert_reads_like};
use crate::shape::{LINE, assert_shape};

const START: i64 = 1_451_350_944;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(START * 1000 + milliseconds).unwrap()
}

pub(crate) fn id(exec: &Value) -> ExecId {
    exec["id"].as_str().unwrap().parse().unwrap()
}

pub(crate) async fn tell(app: &TestApp, exec: &Value, entries: &[(i32, EventKind, i64, &str)]) {
    let mut conn = app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    for (attempt, kind, when, message) in entries {
        let entry = ExecEventEntry {
            attempt: *attempt,
            kind: *kind,
            at: at(*when),
            message: (*message).to_owned(),
        };
        events::append(&mut conn, &[id(exec)], &entry)
            .await
            .unwrap();
    }
}

pub(crate) async fn print(app: &TestApp, exec: &Value, attempt: i32, lines: Vec<LogLine>) {
    let key = StreamKey {
        exec: id(exec),
        attempt,
    };
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    let Opened::Writer(writer) = logs::open(&mut conn, key, "north", "uid").await.unwrap() else {
        panic!("the stream cannot be opened");
    };
    let appended = conn
        .transaction::<Append, StoreError, _>(async |conn| {
            logs::append(conn, &writer, &lines).await
        })
        .await
        .unwrap();
    assert!(matches!(appended, Append::Written(_)));
}

pub(crate) fn line(when: i64, bytes: &[u8]) -> LogLine {
    LogLine {
        at: at(when),
        continued: false,
        gap_before: false,
        bytes: bytes.to_vec(),
    }
}

pub(crate) fn messages(log: &Value) -> Vec<&str> {
    let lines = log.as_array().unwrap_or_else(|| panic!("{log:#}"));
    for line in lines {
        assert_shape(line, LINE);
    }
    lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect()
}

const PULL: &str = "Start pulling image: r.io/a/b:latest";
pub(crate) const RUN: &str = "Start running!";
const END: &str = "Failed: exit code 3.";

#[tokio::test(flavor = "multi_thread")]
async fn one_call_before_during_and_after_the_run() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/logs", exec_path(&exec));
    assert_eq!(user.get(&path).await.1, json!([]), "before");

    let attempted = (1, EventKind::Attempted, 0, "not a line");
    let pulling = (1, EventKind::Pulling, 100, PULL);
    tell(&app, &exec, &[attempted, pulling]).await;
    let (_, log) = user.get(&path).await;
    let pulling = json!({
        "message": PULL,
        "time": START,
        "attempt": 1,
        "platform": true,
        "continued": false,
        "stream": null,
    });
    assert_eq!(log, json!([pulling]), "during");
    assert_reads_like(&log, &samples::log());

    tell(&app, &exec, &[(1, EventKind::Running, 1000, RUN)]).await;
    print(&app, &exec, 1, vec![line(1500, b"one")]).await;
    tell(&app, &exec, &[(1, EventKind::Ended, 2000, END)]).await;
    let (_, log) = user.get(&path).await;
    assert_eq!(messages(&log), [PULL, RUN, "one", END], "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_reads_platform_program_platform() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    // Whole seconds of containers: the end seems to come before the last line.
    let ended = (1, EventKind::Ended, 1000, END);
    let again = (2, EventKind::Running, 3000, RUN);
    tell(&app, &exec, &[ended, again]).await;
    print(&app, &exec, 2, vec![line(4000, b"again")]).await;
    let gap = LogLine {
        gap_before: true,
        ..line(1500, b"t\xffo")
    };
    print(&app, &exec, 1, vec![line(900, b"one"), gap]).await;
    let (_, log) = user.get(&format!("{}/logs", exec_path(&exec))).await;
    let gap = "Lines may be missing here, after 2015-12-29T01:02:24.900000+00:00 and before \
        2015-12-29T01:02:25.500000+00:00: the node discarded lines before they were read.";
    let expected = ["one", gap, "t\u{fffd}o", END, RUN, "again"];
    assert_eq!(messages(&log), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_includes_both_its_seconds() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let printed = [0, 999, 1000, 1999, 2000, 2250, 3000];
    let lines = printed.map(|when| line(when, when.to_string().as_bytes()));
    print(&app, &exec, 1, lines.to_vec()).await;
    tell(
        &app,
        &exec,
        &[(1, EventKind::Running, 1000, "Start running!")],
    )
    .await;
    let path = format!("{}/logs", exec_path(&exec));
    for (start, end, expected) in [
        (
            String::new(),
            String::new(),
            vec![
                "Start running!",
                "0",
                "999",
                "1000",
                "1999",
                "2000",
                "2250",
                "3000",
            ],
        ),
        (
            (START + 1).to_string(),
            (START + 1).to_string(),
            vec!["Start running!", "1000", "1999"],
        ),
        (
            format!("{}.5", START + 1),
            format!("{}.2", START + 2),
            vec!["1999", "2000", "2250"],
        ),
        ((START + 3).to_string(), String::new(), vec!["3000"]),
        (String::new(), (START - 1).to_string(), vec![]),
    ] {
        let (status, log) = user
            .get(&format!("{path}?start_time={start}&end_time={end}"))
            .await;
        assert_eq!(status, 200, "{log}");
        assert_eq!(messages(&log), expected, "{start} to {end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_are_those_of_the_whole_log() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let lines = |texts: [&str; 3]| texts.map(|text| line(2000, text.as_bytes())).to_vec();
    print(&app, &exec, 1, lines(["a", "b", "c"])).await;
    print(&app, &exec, 2, lines(["d", "e", "f"])).await;
    let entries = [
        (1, EventKind::Running, 1000, RUN),
        (1, EventKind::Ended, 3000, END),
        (2, EventKind::Running, 4000, RUN),
    ];
    tell(&app, &exec, &entries).await;
    let all = [RUN, "a", "b", "c", END, RUN, "d", "e", "f"];
    let path = format!("{}/logs", exec_path(&exec));
    for tail in 1..=10 {
        let (_, log) = user.get(&format!("{path}?tail={tail}")).await;
        let expected = &all[all.len().saturating_sub(tail)..];
        assert_eq!(messages(&log), expected, "{tail}");
    }
    let (_, log) = user.get(&format!("{path}?tail=")).await;
    assert_eq!(messages(&log), all);
    let until = START + 2;
    let (_, log) = user.get(&format!("{path}?tail=4&end_time={until}")).await;
    assert_eq!(messages(&log), ["c", "d", "e", "f"]);
    for bad in ["0", "-1", "100001", "x"] {
        let (status, problem) = user.get(&format!("{path}?tail={bad}")).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(problem["errors"][0]["field"], "tail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_arrives_whole_and_in_order() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let text = |n: usize| format!("line {n} {}", "x".repeat(n % 500));
    let count = 9_000;
    let lines = (0..count).map(|n| line(2000, text(n).as_bytes())).collect();
    print(&app, &exec, 1, lines).await;
    tell(
        &app,
        &exec,
        &[
            (1, EventKind::Running, 1000, "Start running!"),
            (1, EventKind::Ended, 3000, "Succeeded."),
        ],
    )
    .await;
    let (_, log) = user.get(&format!("{}/logs", exec_path(&exec))).await;
    let messages = messages(&log);
    assert_eq!(messages.len(), count + 2);
    assert!((0..count).all(|n| messages[n + 1] == text(n)));
    assert_eq!(messages[count + 1], "Succeeded.");
}
