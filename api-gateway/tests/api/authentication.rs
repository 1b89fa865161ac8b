//! Who gets in, and what they do not get to see.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::json;
use store::access::Access;
use store::tokens::NewToken;
use store::{DatabaseRole, accounts, tokens};

use crate::app::{TestApp, exec_path, read, spawn_app};

async fn status_with(app: &TestApp, authorization: Option<&str>) -> u16 {
    let mut request = app.client.get(app.url("/v1/jobs"));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = request.send().await.unwrap();
    if response.status() == 401 {
        assert_eq!(response.headers()["www-authenticate"], "Token");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
    response.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_known_token_gets_in() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let token = user.token.clone();
    assert_eq!(
        status_with(&app, Some(&format!("Token {token}"))).await,
        200
    );
    assert_eq!(
        status_with(&app, Some(&format!("token {}", token.to_uppercase()))).await,
        200
    );
    let unknown = "0".repeat(40);
    for bad in [
        None,
        Some(String::new()),
        Some("Token".to_owned()),
        Some(format!("Bearer {token}")),
        Some(token.clone()),
        Some(format!("Token {}", &token[1..])),
        Some(format!("Token {unknown}")),
    ] {
        assert_eq!(status_with(&app, bad.as_deref()).await, 401, "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused() {
    let app = spawn_app().await;
    let mut conn = app.store(DatabaseRole::Gateway).connection().await.unwrap();
    app.user("me").await;
    let account = accounts::by_name(&mut conn, "me").await.unwrap().unwrap();
    for (minutes, expected) in [(-1, 401), (1, 200)] {
        let token = api_gateway::tokens::secret::Token::random();
        let new = NewToken {
            account_id: account.id,
            name: String::new(),
            scope: Access::Admin,
            expires_at: Some(Utc::now() + TimeDelta::minutes(minutes)),
            by_login: false,
            sha256: token.sha256(),
        };
        tokens::insert(&mut conn, &new).await.unwrap();
        let header = format!("Token {}", token.reveal());
        assert_eq!(status_with(&app, Some(&header)).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_stranger_is_not_read() {
    let app = spawn_app().await;
    let request = app.client.post(app.url("/v1/jobs")).body("not json");
    let (status, problem) = read(request.send().await.unwrap()).await;
    assert_eq!(status, 401);
    assert_eq!(problem["type"], "urn:escapement:problem:unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_does_not_exist() {
    let app = spawn_app().await;
    let (owner, stranger) = (app.user("owner").await, app.user("stranger").await);
    let exec = owner.exec(&owner.job(json!({})).await).await;
    let execs = format!("/v1/jobs/{}/execs", exec["job"]);
    let own = stranger.job(json!({})).await;
    let missing = stranger.get("/v1/jobs/999999999").await;
    assert_eq!(missing.0, 404);
    let id = exec["id"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, format!("/v1/jobs/{}", exec["job"])),
        (Method::GET, execs.clone()),
        (Method::POST, execs.clone()),
        (Method::GET, exec_path(&exec)),
        (Method::GET, format!("{}/logs", exec_path(&exec))),
        (Method::GET, format!("/v1/jobs/{}/execs/{id}", own["id"])),
        (Method::GET, "/v1/jobs?namespace=owner".to_owned()),
        (Method::GET, "/v1/jobs?namespace=nobody".to_owned()),
        (Method::POST, "/v1/jobs/999999999/execs".to_owned()),
        (Method::GET, format!("/v1/jobs/999999999/execs/{id}/logs")),
    ] {
        let answer = read(stranger.send(method, &path, None).await).await;
        assert_eq!(answer, missing, "{path}");
    }
    for namespace in ["owner", "nobody"] {
        let mut body = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
        body["namespace"] = json!(namespace);
        assert_eq!(stranger.post("/v1/jobs", Some(&body)).await, missing);
    }
    let (_, list) = owner.get(&execs).await;
    assert_eq!(list["count"], 1, "the stranger triggered nothing");
}
