//! Logs that are larger, or older, than may be kept.

use reqwest::Method;
use serde_json::{Value, json};
use store::logs::{self, Keep, LogLine, Opened, StreamKey, Verdict};
use store::{AsyncConnection, DatabaseRole, StoreError};

use crate::app::{TestApp, User, exec_path, spawn_app};
use crate::log_completeness::{end, store_and_seal};
use crate::log_pages::page;
use crate::logs::{id, line, print};

/// As many lines of a kilobyte as fill five chunks, of which the first and the last stay.
const LINES: i64 = 300;
const KEEP: Keep = Keep { first: 1, last: 1 };

async fn trim_and_seal(app: &TestApp, exec: &Value) {
    let key = StreamKey {
        exec: id(exec),
        attempt: 1,
    };
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    let opened = logs::open(&mut conn, key, "north", "uid").await.unwrap();
    let Opened::Writer(writer) = opened else {
        panic!("{opened:?}")
    };
    let trimmed = conn
        .transaction::<_, StoreError, _>(async |conn| logs::trim(conn, &writer, KEEP).await)
        .await
        .unwrap();
    let logs::Append::Written(writer) = trimmed else {
        panic!("{trimmed:?}")
    };
    logs::seal(&mut conn, &writer, &Verdict::Complete)
        .await
        .unwrap();
}

/// The texts of all pages.
async fn every_line(user: &User<'_>, path: String) -> Vec<String> {
    let (mut log, mut next) = (Vec::new(), Some(path));
    while let Some(path) = next {
        let (lines, link) = page(user, &path).await;
        let lines = lines.as_array().unwrap().iter();
        log.extend(lines.map(|line| line["message"].as_str().unwrap().to_owned()));
        next = link;
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_is_counted_and_marked_in_its_place() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let text = |n: i64| format!("{n:0>1000}");
    let lines: Vec<LogLine> = (0..LINES).map(|n| line(n, text(n).as_bytes())).collect();
    print(&app, &exec, 1, lines).await;
    end(&app, &exec, true).await;
    trim_and_seal(&app, &exec).await;

    let path = format!("{}/logs", exec_path(&exec));
    let (_, seal) = user.get(&format!("{path}/seal")).await;
    let gap = &seal["gaps"][0];
    let (first, count) = (
        gap["before_line"].as_i64().unwrap(),
        gap["lines"].as_i64().unwrap(),
    );
    assert_eq!(gap["bytes"], count * 1000);
    assert_eq!(gap["cause"], "the log is larger than may be kept");
    assert!(
        gap["after"].is_string() && gap["until"].is_string(),
        "{gap}"
    );
    assert_eq!(
        (&seal["lines"], &seal["complete"], &seal["sha256"]),
        (&json!(LINES), &json!(false), &json!(null))
    );

    let mark = format!("{count} lines of {} bytes are left out here", count * 1000);
    let (before, after) = (text(first - count - 1), text(first));
    for query in ["", "?limit=7", "?attempt=1", "?q=0"] {
        let log = every_line(&user, format!("{path}{query}")).await;
        let place = log.iter().position(|line| line.starts_with(&mark)).unwrap();
        assert_eq!(
            (&log[place - 1], &log[place + 1]),
            (&before, &after),
            "{query}"
        );
        let printed = log.iter().filter(|line| line.len() == 1000).count();
        assert_eq!(i64::try_from(printed).unwrap(), LINES - count, "{query}");
        assert_eq!(log.iter().filter(|line| line.starts_with(&mark)).count(), 1);
        let end = "The log is incomplete: it is larger than may be kept; the place where lines were left out is marked.";
        assert_eq!(query == "?q=0", log.last().unwrap() != end);
    }
    let (_, log) = user.get(&format!("{path}?platform=false&tail=1")).await;
    assert_eq!(log[0]["message"], text(LINES - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_removed_says_so_and_what_it_was() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    end(&app, &exec, true).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    store_and_seal(&mut conn, &exec, Verdict::Complete)
        .await
        .unwrap();
    let path = format!("{}/logs", exec_path(&exec));
    let (_, before) = user.get(&format!("{path}/seal")).await;
    // As the purge does.
    app.database
        .execute("DELETE FROM log_chunks; UPDATE log_streams SET removed_at = now()")
        .await;
    let (_, seal) = user.get(&format!("{path}/seal")).await;
    let gap = json!({
        "before_line": null, "after": null, "until": null, "lines": 1, "bytes": 4,
        "cause": "it is older than logs are kept",
    });
    assert_eq!(seal["gaps"], json!([gap]));
    assert_eq!(
        (&before["complete"], &seal["complete"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(seal["sha256"], before["sha256"]);
    let (_, log) = user.get(&path).await;
    let last = log.as_array().unwrap().last().unwrap();
    assert_eq!(
        last["message"],
        "The log was removed: it is older than logs are kept."
    );
    let (_, programs) = user.get(&format!("{path}?platform=false&tail=5")).await;
    assert_eq!(programs, json!([]));
    let headers = user.send(Method::GET, &path, None).await.headers().clone();
    assert_eq!(headers["x-log-complete"], "false");
}
