//! Triggering with a body: what it asks differs, and is on record.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::app::{exec_path, spawn_app};
use crate::shape::{EXEC, assert_shape};
use crate::wire::connect;

const GRACE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_may_differ_from_its_job() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user
        .job(json!({
            "runtime_vars": { "A": "a", "B": "b" }, "secret_vars": { "S": "hush", "T": "hush" },
            "timeout": 60, "retries": 1,
        }))
        .await;
    let asked = json!({
        "command": "sh -c x", "docker_image_tag": "2", "resource_size": "XL",
        "runtime_vars": { "B": "other", "S": "plain" },
    });
    let (status, exec) = user
        .post(&format!("/v1/jobs/{}/execs", job["id"]), Some(&asked))
        .await;
    assert_eq!(status, 201, "{exec}");
    assert_shape(&exec, EXEC);
    for name in ["command", "docker_image_tag", "resource_size"] {
        assert_eq!(exec[name], asked[name], "{name}");
    }
    for name in ["docker_image_repo", "region_name", "timeout", "retries"] {
        assert_eq!(exec[name], job[name], "{name}");
    }
    assert_eq!(
        exec["runtime_vars"],
        json!({ "A": "a", "B": "other", "S": "plain" })
    );
    assert_eq!(exec["secret_vars"], json!({ "T": null }));
    assert_eq!(exec["overrides"], asked);
    let (_, detail) = user.get(&exec_path(&exec)).await;
    assert_eq!((&detail["overrides"], &detail["job"]), (&asked, &job));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_asks_nothing_is_a_plain_trigger() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    for body in [json!({}), json!({ "command": null, "runtime_vars": {} })] {
        let (status, exec) = user
            .post(&format!("/v1/jobs/{}/execs", job["id"]), Some(&body))
            .await;
        assert_eq!(status, 201);
        assert_eq!(
            (&exec["overrides"], &exec["command"]),
            (&json!(null), &job["command"])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_come_at_once_are_all_made_and_told_apart() {
    let app = spawn_app().await;
    let (me, you) = (app.user("me").await, app.user("you").await);
    let jobs = [
        (&me, "me", me.job(json!({ "command": "one" })).await),
        (&me, "me", me.job(json!({ "command": "two" })).await),
        (&you, "you", you.job(json!({ "command": "three" })).await),
    ];
    let triggers = jobs
        .iter()
        .cycle()
        .take(150)
        .map(async |(user, name, job)| {
            let exec = user.exec(job).await;
            assert_eq!(
                (&exec["command"], &exec["job"]),
                (&job["command"], &job["id"])
            );
            assert_eq!(exec["created_by"], *name);
            exec["id"].as_str().unwrap().to_owned()
        });
    let ids: BTreeSet<_> = join_all(triggers).await.into_iter().collect();
    assert_eq!(ids.len(), 150);
    for (user, _, job) in &jobs {
        let (_, list) = user.get(&format!("/v1/jobs/{}/execs", job["id"])).await;
        assert_eq!(list["count"], 50);
    }
    let told = "audit_log WHERE action = 'exec.trigger' AND address IS NOT NULL
                AND token_id IS NOT NULL AND request_id IS NOT NULL";
    assert_eq!(app.database.rows(told).await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_triggered_is_not_once_it_is_deleted() {
    let app = spawn_app().await;
    let (user, other) = (app.user("me").await, app.user("other").await);
    let job = user.job(json!({})).await;
    let (path, execs) = (
        format!("/v1/jobs/{}", job["id"]),
        format!("/v1/jobs/{}/execs", job["id"]),
    );
    assert_eq!(user.post(&execs, None).await.0, 201);
    assert_eq!(other.post(&execs, None).await.0, 404, "it is not theirs");
    assert_eq!(user.send(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(user.post(&execs, None).await.0, 404);
    assert_eq!(app.database.rows("execs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_takes_no_trigger_back() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let blocker = app.database.lock("execs").await;
    let head = format!(
        "POST /v1/jobs/{}/execs HTTP/1.1\r\nHost: x\r\nAuthorization: Token {}\r\n\r\n",
        job["id"], user.token
    );
    let mut stream = connect(&app).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let waiting = "pg_locks WHERE NOT granted AND relation = 'execs'::regclass";
    while app.database.rows(waiting).await == 0 {}
    drop(stream);
    drop(blocker);
    assert!(app.process.drain(GRACE, GRACE).await);
    assert_eq!(app.database.rows("execs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_trigger_runs_nothing() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({ "runtime_vars": { "A": "a" } })).await;
    let path = format!("/v1/jobs/{}/execs", job["id"]);
    let many: serde_json::Map<_, _> = (0..256).map(|n| (format!("V{n}"), json!(""))).collect();
    for (body, field) in [
        (json!({ "command": 1 }), "command"),
        (json!({ "resource_size": "huge" }), "resource_size"),
        (
            json!({ "docker_image_repo": "r.io/other" }),
            "docker_image_repo",
        ),
        (json!({ "runtime_var": {} }), "runtime_var"),
        (json!({ "runtime_vars": many }), "runtime_vars"),
    ] {
        let (status, problem) = user.post(&path, Some(&body)).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let (_, list) = user.get(&path).await;
    assert_eq!(list["count"], 0);
    assert_eq!(
        user.post("/v1/jobs/4711/execs", Some(&json!({ "command": "c" })))
            .await
            .0,
        404
    );
}

/// A program of one's choice could print the job's secrets.
#[tokio::test(flavor = "multi_thread")]
async fn another_program_needs_more_than_the_right_to_trigger() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let vars = json!({ "runtime_vars": { "A": "a" }, "secret_vars": { "S": "s" } });
    let job = user.job(vars).await;
    let execs = format!("/v1/jobs/{}/execs", job["id"]);
    let (_, token) = user
        .new_token(json!({ "name": "ci", "scope": "trigger" }))
        .await;
    let ci = user.with_token(token);
    for (body, expected) in [
        (json!({ "command": "env" }), 403),
        (json!({ "docker_image_tag": "mine" }), 403),
        // bash runs what this says before anything else.
        (json!({ "runtime_vars": { "BASH_ENV": "$(env >&2)" } }), 403),
        (json!({ "runtime_vars": { "S": "of my choice" } }), 403),
        (
            json!({ "resource_size": "S", "runtime_vars": { "A": "b" } }),
            201,
        ),
    ] {
        assert_eq!(ci.post(&execs, Some(&body)).await.0, expected, "{body}");
        assert_eq!(user.post(&execs, Some(&body)).await.0, 201, "{body}");
    }
}
