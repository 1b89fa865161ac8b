//! A backup that was put back: what it knows is there, and nothing starts a second time.

use std::path::Path;

use devstack::Service;
use serde_json::json;

use crate::ring::{self, LIMIT, TestRing, eventually};

/// The database's clock.
async fn now(ring: &TestRing) -> String {
    let now = ring
        .stack()
        .query("SELECT clock_timestamp()")
        .await
        .unwrap();
    now.trim().to_owned()
}

/// How many planned instants of a condition there are, those of ranges each.
async fn instants(ring: &TestRing, condition: &str) -> i64 {
    let sql = format!("SELECT coalesce(sum(count), 0) FROM slots WHERE {condition}");
    ring.stack()
        .query(&sql)
        .await
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Puts a backup back as an operator would, and says when that was done.
async fn put_back(ring: &TestRing, file: &Path) -> String {
    let stack = ring.stack();
    for service in Service::ALL {
        stack.stop(service).await.unwrap();
    }
    stack.put_back(file).await.unwrap();
    std::fs::remove_file(file).unwrap();
    let said = stack.after_restore().await.unwrap();
    assert!(said.starts_with("1 schedules go on from now"), "{said}");
    let restored = now(ring).await;
    for service in Service::ALL {
        stack.start(service).await.unwrap();
    }
    restored
}

/// Objects without a row are removed without the usual delay.
const AT_ONCE: (Service, &str, &str) = (
    Service::Executor,
    "ESCAPEMENT__LIMITS__ORPHAN_QUARANTINE",
    "1s",
);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_knows_comes_back_and_nothing_starts_twice() {
    // What ran after the backup is nobody's when it is put back.
    let ring = ring::start_told(&[AT_ONCE]).await;
    let (stack, client) = (ring.stack(), ring.client().await);
    let kept = client.run("echo kept").await.unwrap();
    client.wait(&kept, "S", LIMIT).await.unwrap();
    let log = ring.sealed_log(&client, &kept).await;
    let timed = json!({ "schedule_mode": "*/2 * * * * *", "is_schedule_active": true });
    let timed = client.create_job("true", timed).await.unwrap();
    eventually("the schedule fires", async || {
        instants(&ring, "outcome = 'fired'").await > 0
    })
    .await;

    stack.stop(Service::Executor).await.unwrap();
    let waiting = client.run("true").await.unwrap();
    let file = std::env::temp_dir().join(ring.name());
    stack.back_up(&file).await.unwrap();
    let backup = now(&ring).await;
    stack.start(Service::Executor).await.unwrap();
    client.wait(&waiting, "S", LIMIT).await.unwrap();
    let later = format!("outcome = 'fired' AND first_at > '{backup}'");
    eventually("the schedule goes on", async || {
        instants(&ring, &later).await > 1
    })
    .await;

    let restored = put_back(&ring, &file).await;

    let anew = format!("outcome = 'fired' AND first_at > '{restored}'");
    eventually("the schedule fires anew", async || {
        instants(&ring, &anew).await > 0
    })
    .await;
    let between = format!("first_at > '{backup}' AND first_at <= '{restored}'");
    assert_eq!(
        instants(&ring, &format!("{between} AND outcome = 'fired'")).await,
        0
    );
    assert!(
        instants(&ring, &between).await > 0,
        "they are accounted for"
    );
    client.wait(&waiting, "C", LIMIT).await.unwrap();
    assert_eq!(client.exec(&kept).await.unwrap()["status"], "S");
    assert_eq!(client.log(&kept).await.unwrap(), log);
    let paused = json!({ "is_schedule_active": false });
    let timed = format!("/v1/jobs/{timed}");
    client
        .send("PATCH", &timed, Some(paused), 200)
        .await
        .unwrap();
    ring.leaves_nothing_behind().await;
}
