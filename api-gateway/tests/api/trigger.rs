//! Triggering with a body: what it asks differs, and is on record.

use serde_json::json;

use crate::app::{exec_path, spawn_app};
use crate::shape::{EXEC, assert_shape};

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
