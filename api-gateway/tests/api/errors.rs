//! What a client is told when something is wrong.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{NO_BROKER, read, spawn_app, spawn_app_with};

fn assert_problem(status: StatusCode, problem: &Value, expected: u16) {
    assert_eq!(status, expected, "{problem}");
    assert_eq!(problem["status"], expected);
    for name in ["type", "title", "detail"] {
        assert!(problem[name].is_string(), "{name}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_fields_are_named_at_once() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let body = json!({
        "name": "", "docker_image_repo": "r.io/x:1", "resource_size": "HUGE",
        "region_name": "moon", "is_schedule_active": true, "runtime_vars": { "A B": "x", "PORT": 8080 },
    });
    let response = user.send(Method::POST, "/v1/jobs", Some(&body)).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let (status, problem) = read(response).await;
    assert_problem(status, &problem, 400);
    let errors = problem["errors"].as_array().unwrap();
    let mut fields: Vec<_> = errors
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "command",
            "docker_image_repo",
            "name",
            "region_name",
            "resource_size",
            "runtime_vars.A B",
            "runtime_vars.PORT",
            "schedule_mode",
        ]
    );
    assert!(errors.iter().all(|error| error["message"].is_string()));
    let (_, list) = user.get("/v1/jobs").await;
    assert_eq!(list["count"], 0, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_checked_too() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let (status, problem) = user.get("/v1/jobs?page=0&page_size=x&cursor=y").await;
    assert_problem(status, &problem, 400);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3);
    let logs = format!(
        "{}/logs?start_time=yesterday&end_time=-1",
        crate::app::exec_path(&exec)
    );
    let (status, problem) = user.get(&logs).await;
    assert_problem(status, &problem, 400);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for (content_type, body, expected) in [
        ("application/json", "{".to_owned(), 400),
        ("application/json", String::new(), 400),
        ("application/json", "[]".to_owned(), 400),
        ("application/json", "{\"name\": \"\u{0}\"}".to_owned(), 400),
        ("text/plain", "{}".to_owned(), 415),
        (
            "application/json",
            format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024)),
            413,
        ),
    ] {
        let request = app
            .client
            .post(app.url("/v1/jobs"))
            .header("content-type", content_type);
        let request = request.header("authorization", format!("Token {}", user.token));
        let (status, problem) = read(request.body(body).send().await.unwrap()).await;
        assert_problem(status, &problem, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for path in [
        "/",
        "/v2",
        "/v1",
        "/v1/job",
        "/v1/jobs/1/execs/2/log",
        "/v1/jobs/1x",
        "/v1/jobs/1/execs/x",
    ] {
        let (status, problem) = user.get(path).await;
        assert_problem(status, &problem, 404);
    }
    for (path, allowed) in [
        ("/v1/jobs", "GET, HEAD, POST"),
        ("/v1/jobs/1/execs", "GET, HEAD, POST"),
        ("/v1/jobs/1/execs/1/logs/", "GET, HEAD"),
    ] {
        let response = user.send(Method::PATCH, path, None).await;
        assert_eq!(response.headers()["allow"], allowed);
        let (status, problem) = read(response).await;
        assert_problem(status, &problem, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let ask = |id: &'static str| {
        let request = app
            .client
            .get(app.url("/v1/jobs"))
            .header("x-request-id", id);
        request
            .header("authorization", format!("Token {}", user.token))
            .send()
    };
    assert_eq!(
        ask("my-id.7").await.unwrap().headers()["x-request-id"],
        "my-id.7"
    );
    assert_ne!(
        ask("with space").await.unwrap().headers()["x-request-id"],
        "with space"
    );
    for path in ["/v1/jobs", "/nowhere"] {
        let response = app.client.get(app.url(path)).send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"].len(), 36);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_service_is_unavailable() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__BROKER__URL", NO_BROKER),
        (
            "ESCAPEMENT__DATABASE__URL",
            "postgres://nobody@127.0.0.1:1/none",
        ),
    ])
    .await;
    let request = app.client.get(app.url("/v1/jobs"));
    let request = request.header("authorization", format!("Token {}", "a".repeat(40)));
    let response = request.send().await.unwrap();
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(response.headers().contains_key("retry-after"));
    let (status, problem) = read(response).await;
    assert_problem(status, &problem, 503);
    assert_eq!(problem["request_id"], id);
    assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
    assert_eq!(app.process.readiness.waiting(), ["database"]);
}
