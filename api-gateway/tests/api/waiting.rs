//! What an exec that waits says of it.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared_types::{ExecId, Phase};
use store::admission::{self, HeldBy, Queue};
use store::lifecycle::{self, Claim, MadeJob, Obstacle, Placement, Start};
use store::{AsyncConnection, DatabaseRole, PooledConnection};

use crate::app::{TestApp, User, exec_path, spawn_app};

fn id(exec: &Value) -> ExecId {
    exec["id"].as_str().unwrap().parse().unwrap()
}

async fn waiting(user: &User<'_>, exec: &Value) -> Value {
    let (status, body) = user.get(&exec_path(exec)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["waiting"].clone()
}

async fn executor(app: &TestApp) -> PooledConnection {
    let store = app.store(DatabaseRole::Executor);
    store.connection().await.unwrap()
}

/// Lets the exec have a place, as its executor does.
async fn admit(conn: &mut PooledConnection, exec: &Value) {
    let (exec, now) = ([id(exec)], Utc::now());
    conn.transaction(async |conn| lifecycle::begin_first(conn, &exec, now).await)
        .await
        .unwrap();
}

/// Says at the same instant each time what keeps it from running.
async fn record_job(conn: &mut PooledConnection, exec: &Value) {
    let made = MadeJob {
        exec: id(exec),
        attempt: 1,
        uid: "job".to_owned(),
    };
    lifecycle::record_jobs(conn, &[made]).await.unwrap();
}

async fn tell(conn: &mut PooledConnection, exec: &Value, phase: Phase, message: &str) {
    let message = message.to_owned();
    let obstacle = Obstacle { phase, message };
    let told = (&obstacle, DateTime::from_timestamp(9, 0).unwrap());
    let _ = lifecycle::tell(conn, id(exec), 1, told).await.unwrap();
}

async fn claim(conn: &mut PooledConnection, exec: &Value) {
    let claim = Claim {
        attempt: 1,
        pod_uid: "uid".to_owned(),
        pod_name: "pod".to_owned(),
        at: Utc::now(),
    };
    conn.transaction(async |conn| lifecycle::claim(conn, id(exec), &claim).await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_exec_says_its_place_and_what_holds_it() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({ "max_running": 1 })).await;
    let (first, second) = (user.exec(&job).await, user.exec(&job).await);
    let shown = waiting(&user, &second).await;
    assert_eq!(
        (&shown["phase"], &shown["place"]),
        (&json!("queued"), &json!(2))
    );
    assert_eq!(shown["since"], second["created_at"]);
    let region = first["region_name"].as_str().unwrap();
    let message =
        format!("place 2 in the queue of me: the executor of region {region} has not come to it");
    assert_eq!(shown["message"], message);

    let mut conn = executor(&app).await;
    for (held_by, why) in [
        (
            HeldBy::Region,
            format!("region {region} runs 7 execs, as many as it may"),
        ),
        (
            HeldBy::Namespace,
            "me runs 7 execs, as many as it may".to_owned(),
        ),
        (
            HeldBy::StartRate,
            "me starts 7 execs a minute, as many as it may".to_owned(),
        ),
    ] {
        let held = Some((held_by, 7));
        let queue = Queue {
            held,
            paced_until: None,
        };
        let left = [("me".to_owned(), queue)];
        admission::keep_queues(&mut conn, region, &left)
            .await
            .unwrap();
        let shown = waiting(&user, &first).await;
        assert_eq!(
            shown["message"],
            format!("place 1 in the queue of me: {why}")
        );
    }
    admit(&mut conn, &first).await;
    let shown = waiting(&user, &second).await;
    let message = "place 1 in the queue of me: its job runs 1, as many as max_running lets it";
    assert_eq!(shown["message"], message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_exec_says_how_far_it_has_come() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let exec = user.exec(&job).await;
    let mut conn = executor(&app).await;
    let phase = async || waiting(&user, &exec).await["phase"].clone();
    admit(&mut conn, &exec).await;
    assert_eq!(phase().await, "claimed");
    record_job(&mut conn, &exec).await;
    assert_eq!(phase().await, "gated");
    tell(&mut conn, &exec, Phase::Claimed, "quota").await;
    assert_eq!(
        phase().await,
        "gated",
        "what was told of an earlier phase is over"
    );
    claim(&mut conn, &exec).await;
    assert_eq!(phase().await, "unschedulable");
    let placement = Placement {
        node: "n7".to_owned(),
        at: Utc::now() - TimeDelta::seconds(3),
        line: "Start pulling image: i".to_owned(),
    };
    conn.transaction(async |conn| lifecycle::place(conn, id(&exec), 1, &placement).await)
        .await
        .unwrap();
    let shown = waiting(&user, &exec).await;
    assert_eq!(
        shown["message"],
        "node n7 pulls the image and starts the program"
    );
    assert_eq!(
        (&shown["phase"], &shown["place"]),
        (&json!("pulling"), &json!(null))
    );
    tell(
        &mut conn,
        &exec,
        Phase::Pulling,
        "the image could not be pulled",
    )
    .await;
    let told = waiting(&user, &exec).await;
    assert_eq!(told["message"], "the image could not be pulled");
    assert_eq!(told["since"], "1970-01-01T00:00:09.000000+00:00");
    assert!(shown["since"].as_str() < Some(exec["created_at"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_exec_says_only_that_its_node_is_silent() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let exec = user.exec(&job).await;
    let mut conn = executor(&app).await;
    admit(&mut conn, &exec).await;
    claim(&mut conn, &exec).await;
    tell(&mut conn, &exec, Phase::Pulling, "slow").await;
    let now = Utc::now();
    let start = Start {
        placement: Placement {
            node: "n7".to_owned(),
            at: now,
            line: String::new(),
        },
        at: now,
        line: String::new(),
    };
    conn.transaction(async |conn| lifecycle::start(conn, id(&exec), 1, &start).await)
        .await
        .unwrap();
    assert_eq!(waiting(&user, &exec).await, json!(null));
    tell(&mut conn, &exec, Phase::NodeUnreachable, "n7 is silent").await;
    let told = waiting(&user, &exec).await;
    assert_eq!(
        (&told["phase"], &told["message"]),
        (&json!("node_unreachable"), &json!("n7 is silent"))
    );
}
