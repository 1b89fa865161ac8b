//! Schedules over the API: settings, previews and dry runs.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{User, read, spawn_app};

async fn change(user: &User<'_>, job: &Value, body: Value) -> (u16, Value) {
    let path = format!("/v1/jobs/{}", job["id"]);
    let (status, answer) = read(user.send(Method::PUT, &path, Some(&body)).await).await;
    (status.as_u16(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_shows_what_was_set_and_what_follows() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let job = user
        .job(json!({
            "schedule_mode": "30 * * * *", "is_schedule_active": true,
            "schedule_timezone": "europe/berlin", "schedule_exclusions": ["--12-25"],
            "overlap_policy": "queue_all", "catch_up": "all", "catch_up_limit": 3,
            "jitter": 60, "start_deadline": 600, "overlap_counts_manual": false,
        }))
        .await;
    for (name, expected) in [
        ("schedule_timezone", json!("Europe/Berlin")),
        ("schedule_exclusions", json!(["--12-25"])),
        ("schedule_gap", Value::Null),
        ("overlap_policy", json!("queue_all")),
        ("overlap_limit", json!(10)),
        ("catch_up", json!("all")),
        ("catch_up_limit", json!(3)),
        ("catch_up_window", json!(86_400)),
    ] {
        assert_eq!(job[name], expected, "{name}");
    }
    let effective = &job["effective_schedule"];
    assert_eq!(
        (&effective["gap"], &effective["repeat"]),
        (&json!("skip"), &json!("both"))
    );
    assert!(
        effective["delay"]
            .as_f64()
            .is_some_and(|delay| (0.0..60.0).contains(&delay))
    );
    let runs = job["next_runs"].as_array().unwrap();
    assert_eq!(runs.len(), 5);
    assert!(
        runs.iter()
            .all(|run| run.as_str().unwrap().contains(":30:00.000000"))
    );

    // Another policy takes what belonged to the old one with it.
    let (status, skip) = change(&user, &job, json!({ "overlap_policy": "skip" })).await;
    assert_eq!(
        (status, &skip["overlap_limit"]),
        (200, &Value::Null),
        "{skip}"
    );
    let (_, paused) = change(&user, &job, json!({ "is_schedule_active": false })).await;
    assert_eq!(paused["next_runs"], json!([]));
    assert_eq!(paused["catch_up_limit"], 3);
    let (_, bare) = change(&user, &job, json!({ "schedule_mode": null })).await;
    assert_eq!(bare["effective_schedule"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_changes_nothing_begins_no_generation() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let fields = json!({ "schedule_mode": "R5//P1D", "is_schedule_active": true });
    let job = user.job(fields).await;
    let (status, _) = change(&user, &job, json!({ "name": "renamed" })).await;
    assert_eq!(status, 200);
    let (status, same) = change(&user, &job, job.clone()).await;
    assert_eq!((status, &same["next_runs"]), (200, &job["next_runs"]));
    assert_eq!(app.database.rows("schedules WHERE generation = 1").await, 1);
    change(&user, &job, json!({ "jitter": 5 })).await;
    let (_, again) = change(&user, &job, json!({ "jitter": 0 })).await;
    // Where a text without a start begins, stays.
    assert_eq!(again["next_runs"], job["next_runs"]);
    assert_eq!(app.database.rows("schedule_history").await, 2);
}

/// Fields, the one that is refused, a part of what is said.
#[rustfmt::skip]
fn wrong() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({ "schedule_mode": "0 0 31 2 *" }), "schedule_mode", "no instant at any time"),
        (json!({ "schedule_mode": "0 25 * * *" }), "schedule_mode", "at byte 2"),
        (json!({ "schedule_mode": "x".repeat(1025) }), "schedule_mode", "1024"),
        (json!({ "schedule_timezone": "Europe/Berln" }), "schedule_timezone", "Europe/Berlin"),
        (json!({ "schedule_exclusions": ["2026-02-30"] }), "schedule_exclusions", "no such date"),
        (json!({ "schedule_exclusions": "x" }), "schedule_exclusions", "array"),
        (json!({ "schedule_gap": "never" }), "schedule_gap", "skip, first_valid"),
        (json!({ "overlap_policy": "wait" }), "overlap_policy", "queue_one"),
        (json!({ "overlap_limit": 3 }), "overlap_limit", "queue_all"),
        (json!({ "catch_up_window": 3 }), "catch_up_window", "\"all\""),
        (json!({ "jitter": 100, "start_deadline": 100 }), "start_deadline", "more than jitter"),
        (json!({ "schedule_mode": "R/2026-07-01T10:00:00+01:00/P1D", "schedule_timezone": "Europe/Berlin" }), "schedule_mode", "+02:00"),
        (json!({ "schedule_mode": "0 0 * * SAT", "schedule_exclusions": ["* * SAT"] }), "schedule_mode", "never run"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_with_what_would_be_right() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    for (fields, field, said) in wrong() {
        let mut body = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let (status, problem) = user.post("/v1/jobs", Some(&body)).await;
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
    let past =
        json!({ "schedule_mode": "R1/1999-01-01T00:00:00Z/PT1H", "is_schedule_active": true });
    assert_eq!(user.job(past).await["next_runs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_wall_clocks_and_what_clock_changes_do() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let before = app.database.rows("audit_log").await;
    let body = json!({
        "schedule_mode": "30 2 * * *", "schedule_timezone": "Europe/Berlin",
        "schedule_exclusions": ["2026-03-30"], "from": "2026-03-28T12:00:00Z", "count": 2,
    });
    let (status, preview) = user.post("/v1/schedules/preview", Some(&body)).await;
    assert_eq!(status, 200);
    let expected = json!({
        "runs": [
            { "at": "2026-03-29T01:00:00.000000+00:00", "local": "2026-03-29T03:00:00+02:00",
              "note": "02:30:00 does not exist on this day; the clock goes forward to 03:00:00" },
            { "at": "2026-03-31T00:30:00.000000+00:00", "local": "2026-03-31T02:30:00+02:00",
              "note": null },
        ],
        "timezone": "Europe/Berlin", "gap": "first_valid", "repeat": "first",
    });
    assert_eq!(preview, expected);
    let bad = json!({ "schedule_mode": "0 0 31 2 *", "count": 0, "from": "now", "jitter": 1 });
    let (status, problem) = user.post("/v1/schedules/preview", Some(&bad)).await;
    let errors = problem["errors"].as_array().unwrap();
    let named: Vec<_> = errors
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    assert_eq!(
        (status.as_u16(), named),
        (400, vec!["schedule_mode", "from", "count", "jitter"])
    );
    assert_eq!(app.database.rows("audit_log").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing_and_expects_overlaps() {
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let body = json!({
        "name": "n", "command": "c", "docker_image_repo": "i",
        "schedule_mode": "*/10 * * * *", "is_schedule_active": true,
    });
    let (status, would) = user.post("/v1/jobs?dry_run=true", Some(&body)).await;
    assert_eq!(status, 200, "{would}");
    assert_eq!(would["runs"].as_array().unwrap().len(), 10);
    assert_eq!(would["expected_overlaps"], Value::Null);
    assert_eq!(app.database.rows("jobs").await, 0);

    let job = user.job(json!({})).await;
    user.exec(&job).await;
    app.database
        .execute(
            "UPDATE execs SET state = 'succeeded', reason = 'completed',
             started_at = now() - interval '15 minutes', ended_at = now()",
        )
        .await;
    let path = format!("/v1/jobs/{}?dry_run=true", job["id"]);
    let change = json!({ "schedule_mode": "*/10 * * * *", "is_schedule_active": true });
    let (status, would) = read(user.send(Method::PUT, &path, Some(&change)).await).await;
    assert_eq!(status, 200, "{would}");
    assert_eq!(would["expected_overlaps"], 9);
    assert_eq!(
        (&would["median_duration"], &would["old_instants"]),
        (&json!(900.0), &json!([]))
    );
    assert_eq!(
        app.database
            .rows("schedules WHERE generation = 1 AND NOT active")
            .await,
        1
    );
    let (status, _) = read(
        user.send(Method::PUT, &path, Some(&json!({ "name": "" })))
            .await,
    )
    .await;
    assert_eq!(status, 400);
}

/// The document that people read. `UPDATE_DOCS=1` writes the answers into it.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_documentation_is_what_is_answered() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/SCHEDULES.md");
    let app = spawn_app().await;
    let user = app.user("ann").await;
    let document = std::fs::read_to_string(FILE).unwrap();
    let (mut fresh, mut examples) = (String::new(), 0);
    let mut rest = document.as_str();
    while let Some((request, after)) = block(rest) {
        let (answer, after) = block(after).unwrap();
        let request: Value = serde_json::from_str(request).unwrap();
        let (_, mut told) = user.post("/v1/schedules/preview", Some(&request)).await;
        if let Some(problem) = told.as_object_mut() {
            problem.remove("request_id");
        }
        if serde_json::from_str::<Value>(answer).unwrap() != told {
            assert!(std::env::var("UPDATE_DOCS").is_ok(), "{request}: {told:#}");
        }
        let whole = &rest[..rest.len() - after.len()];
        let told = format!("{}\n", serde_json::to_string_pretty(&told).unwrap());
        fresh += &whole.replace(answer, &told);
        (rest, examples) = (after, examples + 1);
    }
    assert!(examples >= 7);
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(FILE, fresh + rest).unwrap();
    }
}

/// The next block of JSON, and what follows it.
fn block(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("```json\n")?;
    rest.split_once("```")
}
