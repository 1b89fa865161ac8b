//! `Idempotency-Key`: the same request again does nothing again, however it is
//! timed, and on whichever replica.

use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use store::testing::TestDatabase;

use crate::app::{KEY, TestApp, User, exec_path, read, spawn_app, spawn_app_on, spawn_app_with};

const OTHER_KEY: &str = "b:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

async fn send(user: &User<'_>, key: &str, path: &str, body: Option<&Value>) -> Response {
    let request = user.request(reqwest::Method::POST, path);
    let request = request.header("idempotency-key", key);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await.unwrap()
}

async fn post(user: &User<'_>, key: &str, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
    read(send(user, key, path, body).await).await
}

fn job(name: &str) -> Value {
    json!({ "name": name, "command": "c", "docker_image_repo": "r.io/a" })
}

async fn count(user: &User<'_>) -> Value {
    user.get("/v1/jobs").await.1["count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_given_the_same_answer() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let first = send(&user, "k", "/v1/jobs", Some(&job("a"))).await;
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let again = send(&user, "k", "/v1/jobs", Some(&job("a"))).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(read(first).await, read(again).await);
    assert_eq!(count(&user).await, 1);
    let (_, audit) = user.get("/v1/namespaces/me/audit?action=job.create").await;
    assert_eq!(audit["count"], 1, "nothing was done twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_key_is_refused() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let (_, made) = post(&user, "k", "/v1/jobs", Some(&job("a"))).await;
    let trigger = format!("/v1/jobs/{}/execs", made["id"]);
    for (path, body) in [("/v1/jobs", Some(job("b"))), (&*trigger, None)] {
        let (status, problem) = post(&user, "k", path, body.as_ref()).await;
        assert_eq!(status, 409, "{problem}");
        assert_eq!(
            problem["type"],
            "urn:escapement:problem:idempotency-key-reused"
        );
    }
    assert_eq!(count(&user).await, 1);
    let other = app.user("other").await;
    let (status, _) = post(&other, "k", "/v1/jobs", Some(&job("b"))).await;
    assert_eq!(
        status, 201,
        "keys of two accounts have nothing to do with each other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_a_short_visible_text() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for key in ["", "a b", &"k".repeat(256)] {
        let (status, problem) = post(&user, key, "/v1/jobs", Some(&job("a"))).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
    }
    assert_eq!(count(&user).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_leaves_its_key_free() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let made = user.job(json!({})).await;
    let exec = user.exec(&made).await;
    let cancel = format!("{}/cancel", exec_path(&exec));
    let missing = cancel.replace(
        exec["id"].as_str().unwrap(),
        &uuid::Uuid::now_v7().to_string(),
    );
    assert_eq!(post(&user, "k", "/v1/jobs", Some(&json!({}))).await.0, 400);
    assert_eq!(post(&user, "k", &missing, None).await.0, 404);
    assert_eq!(post(&user, "k", &cancel, None).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_the_same_moment_one_acts() {
    let database = TestDatabase::new().await;
    let apps = [0, 1].map(|_| spawn_app_on(database.clone(), &[]));
    let user = apps[0].user("me").await;
    let elsewhere = apps[1].speak_for(&user);
    for round in 0..10 {
        let (key, body) = (format!("key-{round}"), job(&format!("job-{round}")));
        let requests = (0..16).map(|n| {
            let user = if n % 2 == 0 { &user } else { &elsewhere };
            post(user, &key, "/v1/jobs", Some(&body))
        });
        let answers = join_all(requests).await;
        let (status, first) = &answers[0];
        assert_eq!(*status, 201, "{first}");
        assert!(answers.iter().all(|answer| answer == &answers[0]));
        assert_eq!(count(&user).await, round + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_post_is_done_once() {
    let app = spawn_app_with(&[("ESCAPEMENT__REGISTRATION__ENABLED", "true")]).await;
    let user = app.user("me").await;
    let made = user.job(json!({})).await;
    let execs = format!("/v1/jobs/{}/execs", made["id"]);
    let exec = exec_path(&user.exec(&made).await);
    for (key, path, body) in [
        ("trigger", execs.clone(), None),
        (
            "override",
            execs.clone(),
            Some(json!({ "resource_size": "S" })),
        ),
        ("rerun", format!("{exec}/rerun"), None),
        ("cancel", format!("{exec}/cancel"), None),
        (
            "token",
            "/v1/tokens".to_owned(),
            Some(json!({ "name": "ci" })),
        ),
        (
            "organisation",
            "/v1/organisations".to_owned(),
            Some(json!({ "name": "acme" })),
        ),
        (
            "register",
            "/v1/auth/register".to_owned(),
            Some(json!({ "username": "new", "password": "correct horse" })),
        ),
    ] {
        let first = post(&user, key, &path, body.as_ref()).await;
        assert!(first.0.is_success(), "{key}: {}", first.1);
        assert_eq!(post(&user, key, &path, body.as_ref()).await, first, "{key}");
    }
    let (_, list) = user.get(&execs).await;
    assert_eq!(
        list["count"], 4,
        "one by hand, then a trigger, an override and a rerun"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_repeated_for_the_right_password_only() {
    let app = spawn_app_with(&[("ESCAPEMENT__REGISTRATION__ENABLED", "true")]).await;
    let user = app.user("me").await;
    let login = |password: &str| json!({ "username": "new", "password": password });
    let right = login("correct horse");
    let made = user.post("/v1/auth/register", Some(&right)).await;
    assert_eq!(made.0, 201, "{}", made.1);
    let path = "/v1/generate-api-token";
    let first = post(&user, "k", path, Some(&right)).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(post(&user, "k", path, Some(&right)).await, first);
    let (_, other) = post(&user, "other", path, Some(&right)).await;
    assert_ne!(other, first.1, "a login gives a token of its own");
    let (status, problem) = post(&user, "k", path, Some(&login("wrong horse"))).await;
    assert_eq!(status, 401, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_a_day_and_sealed() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let body = json!({ "name": "ci" });
    let (_, first) = post(&user, "k", "/v1/tokens", Some(&body)).await;
    let token = first["token"].as_str().unwrap();
    // Fails if one row holds the token as text.
    let readable = format!("answer LIKE '%{token}%'::bytea");
    app.database
        .execute(&format!(
            "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM idempotency_keys WHERE {readable}); END $$"
        ))
        .await;
    app.database
        .execute("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'")
        .await;
    let (_, second) = post(&user, "k", "/v1/tokens", Some(&body)).await;
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sealing_key_leaves_old_answers_readable() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let first = post(&user, "k", "/v1/jobs", Some(&job("a"))).await;
    let on = |keys: &str| -> TestApp {
        spawn_app_on(app.database.clone(), &[("ESCAPEMENT__SECRETS__KEYS", keys)])
    };
    let rotated = on(&format!("{OTHER_KEY},{KEY}"));
    let same = post(&rotated.speak_for(&user), "k", "/v1/jobs", Some(&job("a"))).await;
    assert_eq!(same, first);
    let without = on(OTHER_KEY);
    let (status, problem) = post(&without.speak_for(&user), "k", "/v1/jobs", Some(&job("a"))).await;
    assert_eq!(status, 409);
    assert_eq!(
        problem["type"],
        "urn:escapement:problem:idempotency-answer-lost"
    );
    assert_eq!(count(&user).await, 1);
}
