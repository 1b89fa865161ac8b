//! Ranges of planned instants that are run after the fact.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{read, spawn_app};

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_made_listed_and_dropped() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = user.job(json!({ "schedule_mode": "@hourly" })).await;
    let path = format!("/v1/jobs/{}/backfills", job["id"]);
    let day = json!({ "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z" });
    let (status, made) = user.post(&path, Some(&day)).await;
    assert_eq!(status, 201, "{made}");
    for (name, expected) in [
        ("count", json!(24)),
        ("remaining", json!(24)),
        ("per_minute", json!(10)),
        ("state", json!("running")),
        ("created_by", json!("ann")),
    ] {
        assert_eq!(made[name], expected, "{name}");
    }
    let (_, all) = user.get(&path).await;
    assert_eq!((&all["count"], &all["results"][0]), (&json!(1), &made));
    let one = format!("{path}/{}", made["id"]);
    for _ in 0..2 {
        let (status, dropped) = read(user.send(Method::DELETE, &one, None).await).await;
        assert_eq!(
            (status.as_u16(), &dropped["state"]),
            (200, &json!("dropped"))
        );
    }
    assert_eq!(user.get(&one).await.1["remaining"], 0);
    assert_eq!(user.get(&format!("{path}/99")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_cannot_be_run_is_refused() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = user.job(json!({ "schedule_mode": "@hourly" })).await;
    let path = format!("/v1/jobs/{}/backfills", job["id"]);
    let day = json!({ "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z" });
    for (change, field, said) in [
        (json!({ "to": "2024-01-01T00:00:00Z" }), "to", "after from"),
        (json!({ "to": "2999-01-01T00:00:00Z" }), "to", "future"),
        (json!({ "per_minute": 0 }), "per_minute", "1 to 600"),
    ] {
        let (status, problem) = user.post(&path, Some(&changed(&day, &change))).await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status.as_u16(), &error["field"]),
            (400, &json!(field)),
            "{problem}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    let unplanned = user.job(json!({})).await;
    let unplanned = format!("/v1/jobs/{}/backfills", unplanned["id"]);
    let none = json!({ "to": "2024-01-01T00:00:00.5Z", "from": "2024-01-01T00:00:00.1Z" });
    let many = json!({ "to": "2024-02-01T00:00:00Z" });
    for (path, change, said) in [
        (&unplanned, json!({}), "no schedule_mode"),
        (&path, none, "no planned instant"),
        (&path, many, "744 planned instants, and max_execs is 100"),
    ] {
        let (status, problem) = user.post(path, Some(&changed(&day, &change))).await;
        assert_eq!(status, 409, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    assert_eq!(app.database.rows("backfills").await, 0);
}

fn changed(body: &Value, change: &Value) -> Value {
    let mut body = body.clone();
    let change = change.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(change);
    body
}
