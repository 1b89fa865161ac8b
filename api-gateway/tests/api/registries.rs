//! Private registries of a namespace.

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::audit::{self, Filter};
use store::page::Page;
use store::registries::Credential;
use store::secrets::{Keyring, SecretsConfig};
use store::{DatabaseRole, registries};

use crate::app::{KEY, TestApp, User, read, spawn_app};

const LIST: &str = "/v1/namespaces/ann/registries";

fn path(registry: &str) -> String {
    format!("{LIST}/{registry}")
}

async fn put(user: &User<'_>, registry: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({ "username": "robot", "password": password });
    read(user.send(Method::PUT, &path(registry), Some(&body)).await).await
}

/// As the executor sees it.
async fn opened(app: &TestApp, registry: &str) -> Option<Credential> {
    let keyring = Keyring::new(&SecretsConfig { keys: KEY.into() }).unwrap();
    let conn = &mut app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    registries::load(conn, &keyring, "ann", registry)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_in_and_never_comes_out() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    let (status, kept) = put(&ann, "R.example.com:5000", "s3cret-word").await;
    assert_eq!(status, 200, "{kept}");
    assert_eq!(kept["registry"], "r.example.com:5000");
    assert_eq!(kept["username"], "robot");
    assert!(kept["updated_at"].is_string());
    let (_, list) = ann.get(LIST).await;
    let expected = json!({
        "count": 1, "count_is_exact": true, "previous": null, "next": null, "results": [kept],
    });
    assert_eq!(list, expected);
    assert!(!list.to_string().contains("s3cret-word"));
    let credential = opened(&app, "r.example.com:5000").await.unwrap();
    assert_eq!(credential.password.expose_secret(), "s3cret-word");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_replaced_and_forgotten() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    put(&ann, "index.docker.io", "old").await;
    put(&ann, "docker.io", "new").await;
    let (_, list) = ann.get(LIST).await;
    assert_eq!(list["count"], 1, "two names of one registry: {list}");
    let credential = opened(&app, "docker.io").await.unwrap();
    assert_eq!(credential.password.expose_secret(), "new");
    for expected in [204, 404] {
        let response = ann.send(Method::DELETE, &path("docker.io"), None).await;
        assert_eq!(response.status(), expected);
    }
    assert!(opened(&app, "docker.io").await.is_none());
    assert_eq!(ann.get(LIST).await.1["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_named() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    let body = json!({ "username": "a:b", "password": "", "pasword": "p" });
    let response = ann.send(Method::PUT, &path("r.io:port"), Some(&body)).await;
    let (status, problem) = read(response).await;
    assert_eq!(status, 400);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["registry", "username", "password", "pasword"]);
    let response = ann.send(Method::DELETE, &path("r.io:port"), None).await;
    assert_eq!(response.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_has_fifty_at_most() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    for number in 0..50 {
        assert_eq!(put(&ann, &format!("r{number}.io"), "p").await.0, 200);
    }
    let (status, problem) = put(&ann, "one-more.io", "p").await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(put(&ann, "r7.io", "q").await.0, 200, "not one more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_in_the_audit_log() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    put(&ann, "r.io", "p").await;
    ann.send(Method::DELETE, &path("r.io"), None).await;
    let mut conn = app.database.owner().await;
    let page = Page::newest(10);
    let log = audit::list(&mut conn, "ann", &Filter::default(), page)
        .await
        .unwrap();
    let acts: Vec<_> = log
        .rows
        .iter()
        .map(|act| (&*act.action, &*act.resource))
        .collect();
    let expected = ["registry.delete", "registry.put"].map(|act| (act, "registries/r.io"));
    assert_eq!(acts[..2], expected);
}
