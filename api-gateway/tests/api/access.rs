//! Who may do what, for every route: a route without a row here fails.

mod requests;

use api_gateway::routes::ROUTES;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::access::{Access, MemberRole};

use self::requests::{acme, body, callers, method, path};
use crate::app::{TestApp, User, exec_path, read, spawn_app};

/// What a route wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing.
    Public,
    /// A token of at least this scope; what it shows is the caller's own.
    Token(Access),
    /// This much access to the namespace.
    Namespace(Access),
}
use Access::{Admin, Read, Trigger, Write};
use Need::{Namespace, Public, Token};

/// Method, route, what it wants, and what to append to the path.
#[rustfmt::skip]
const TABLE: &[(&str, &str, Need, &str)] = &[
    ("post",   "/v1/auth/register", Public, ""),
    ("post",   "/v1/generate-api-token", Public, ""),
    ("get",    "/openapi.json", Public, ""),
    ("get",    "/docs", Public, ""),
    ("get",    "/docs/{file}", Public, ""),
    ("get",    "/v1/account", Token(Read), ""),
    ("put",    "/v1/account/password", Token(Admin), ""),
    ("get",    "/v1/tokens", Token(Admin), ""),
    ("post",   "/v1/tokens", Token(Admin), ""),
    ("delete", "/v1/tokens/{token}", Token(Admin), ""),
    ("post",   "/v1/organisations", Token(Admin), ""),
    ("get",    "/v1/regions", Token(Read), ""),
    ("get",    "/v1/sizes", Token(Read), ""),
    ("get",    "/v1/namespaces/{namespace}/members", Namespace(Read), ""),
    ("put",    "/v1/namespaces/{namespace}/members/{user}", Namespace(Admin), ""),
    ("delete", "/v1/namespaces/{namespace}/members/{user}", Namespace(Admin), ""),
    ("post",   "/v1/namespaces/{namespace}/members/{user}/accept", Token(Admin), ""),
    ("get",    "/v1/namespaces/{namespace}/audit", Namespace(Admin), ""),
    ("get",    "/v1/namespaces/{namespace}/registries", Namespace(Admin), ""),
    ("put",    "/v1/namespaces/{namespace}/registries/{registry}", Namespace(Admin), ""),
    ("delete", "/v1/namespaces/{namespace}/registries/{registry}", Namespace(Admin), ""),
    ("get",    "/v1/namespaces/{namespace}/calendars", Namespace(Read), ""),
    ("put",    "/v1/namespaces/{namespace}/calendars/{calendar}", Namespace(Write), ""),
    ("delete", "/v1/namespaces/{namespace}/calendars/{calendar}", Namespace(Write), ""),
    ("get",    "/v1/jobs", Namespace(Read), "?namespace=acme"),
    ("post",   "/v1/jobs", Namespace(Write), ""),
    ("get",    "/v1/jobs/{job}", Namespace(Read), ""),
    ("put",    "/v1/jobs/{job}", Namespace(Write), ""),
    ("patch",  "/v1/jobs/{job}", Namespace(Write), ""),
    ("delete", "/v1/jobs/{job}", Namespace(Write), ""),
    ("get",    "/v1/jobs/{job}/execs", Namespace(Read), ""),
    ("post",   "/v1/jobs/{job}/execs", Namespace(Trigger), ""),
    ("get",    "/v1/jobs/{job}/execs/{exec}", Namespace(Read), ""),
    ("delete", "/v1/jobs/{job}/execs/{exec}", Namespace(Write), ""),
    ("get",    "/v1/jobs/{job}/execs/{exec}/attempts", Namespace(Read), ""),
    ("get",    "/v1/jobs/{job}/execs/{exec}/timeline", Namespace(Read), ""),
    ("post",   "/v1/jobs/{job}/execs/{exec}/cancel", Namespace(Trigger), ""),
    ("post",   "/v1/jobs/{job}/execs/{exec}/rerun", Namespace(Trigger), ""),
    ("get",    "/v1/jobs/{job}/execs/{exec}/logs", Namespace(Read), ""),
    ("get",    "/v1/jobs/{job}/execs/{exec}/logs/seal", Namespace(Read), ""),
    ("get",    "/v1/jobs/{job}/logs", Namespace(Read), ""),
    ("get",    "/v1/namespaces/{namespace}/logs", Namespace(Read), ""),
    ("post",   "/v1/schedules/preview", Token(Read), ""),
    ("get",    "/v1/jobs/{job}/slots", Namespace(Read), ""),
    ("get",    "/v1/jobs/{job}/backfills", Namespace(Read), ""),
    ("post",   "/v1/jobs/{job}/backfills", Namespace(Trigger), ""),
    ("get",    "/v1/jobs/{job}/backfills/{backfill}", Namespace(Read), ""),
    ("delete", "/v1/jobs/{job}/backfills/{backfill}", Namespace(Trigger), ""),
];

#[test]
fn every_route_has_a_row() {
    let mut rows: Vec<_> = TABLE
        .iter()
        .map(|(method, route, need, _)| (*method, *route, *need == Public))
        .collect();
    let mut routes = ROUTES.to_vec();
    rows.sort_unstable();
    routes.sort_unstable();
    assert_eq!(rows, routes);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_for_every_role_and_scope() {
    let app = spawn_app().await;
    let admin = acme(&app).await;
    for caller in callers(&app, &admin).await {
        for (word, route, need, query) in TABLE {
            let path = path(&app, &admin, &caller.owner, route).await;
            let body = body(word, route);
            let url = format!("{path}{query}");
            let response = caller.user.send(method(word), &url, body.as_ref()).await;
            let status = response.status();
            let who = (caller.scope, caller.role);
            match caller.expected(*need) {
                Some(expected) => assert_eq!(status, expected, "{word} {route} {who:?}"),
                None => assert!(granted(route, status), "{word} {route} {who:?}: {status}"),
            }
        }
    }
}

/// What those who may are answered. The body's password is wrong and the
/// registration closed, whoever asks.
fn granted(route: &str, status: StatusCode) -> bool {
    match route {
        "/v1/auth/register" | "/v1/account/password" => status == 403,
        "/v1/generate-api-token" => status == 401,
        _ => status.is_success(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_there_is_nothing_but_401() {
    let app = spawn_app().await;
    let admin = acme(&app).await;
    let (old, expired) = admin.new_token(json!({ "name": "old" })).await;
    let expire = format!("UPDATE tokens SET expires_at = now() WHERE id = {old}");
    app.database.execute(&expire).await;
    let (gone, revoked) = admin.new_token(json!({ "name": "gone" })).await;
    let own = format!("/v1/tokens/{gone}");
    let answer = admin.send(Method::DELETE, &own, None).await;
    assert_eq!(answer.status(), 204);
    let unknown = "0".repeat(40);
    for (word, route, need, query) in TABLE.iter().filter(|(_, _, need, _)| *need != Public) {
        assert_ne!(*need, Public);
        let path = path(&app, &admin, &admin, route).await;
        for token in [
            None,
            Some(""),
            Some("x"),
            Some(&*unknown),
            Some(&*expired),
            Some(&*revoked),
        ] {
            let request = app
                .client
                .request(method(word), app.url(&format!("{path}{query}")));
            let request = match token {
                Some(token) => request.header("authorization", format!("Token {token}")),
                None => request,
            };
            let request = match body(word, route) {
                Some(body) => request.json(&body),
                None => request,
            };
            let (status, problem) = read(request.send().await.unwrap()).await;
            assert_eq!(status, 401, "{word} {route} {token:?}: {problem}");
        }
    }
    for path in ["/v1", "/v1/nowhere", "/v1/jobs/1/nowhere"] {
        let status = app.client.get(app.url(path)).send().await.unwrap().status();
        assert_eq!(status, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_changes_nothing_and_sees_nothing() {
    let app = spawn_app().await;
    let admin = acme(&app).await;
    let job = admin
        .job(json!({ "namespace": "acme", "name": "untouched" }))
        .await;
    let exec = admin.exec(&job).await;
    let stranger = app.user("stranger").await;
    let ids = [
        job["id"].to_string(),
        exec["id"].as_str().unwrap().to_owned(),
    ];
    let before = everything(&admin, &job, &exec).await;
    for (word, route, _, query) in TABLE.iter().filter(|row| matches!(row.2, Namespace(_))) {
        let path = route
            .replace("{namespace}", "acme")
            .replace("{user}", "ann")
            .replace("{registry}", "registry.example.com")
            .replace("{calendar}", "holidays")
            .replace("{job}", &ids[0])
            .replace("{exec}", &ids[1])
            .replace("{backfill}", "1");
        let body = body(word, route);
        let url = format!("{path}{query}");
        let (status, answer) = read(stranger.send(method(word), &url, body.as_ref()).await).await;
        assert_eq!(status, 404, "{word} {route}");
        assert!(!answer.to_string().contains("untouched"), "{answer}");
    }
    assert_eq!(before, everything(&admin, &job, &exec).await);
    let (_, own) = stranger.get("/v1/jobs").await;
    assert_eq!(own["count"], 0);
}

async fn everything(admin: &User<'_>, job: &Value, exec: &Value) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        format!("/v1/jobs/{}", job["id"]),
        format!("/v1/jobs/{}/execs", job["id"]),
        exec_path(exec),
        "/v1/jobs?namespace=acme".to_owned(),
        "/v1/namespaces/acme/members".to_owned(),
        "/v1/namespaces/acme/registries".to_owned(),
        "/v1/namespaces/acme/calendars".to_owned(),
        "/v1/namespaces/acme/audit".to_owned(),
    ] {
        let (status, body) = admin.get(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        seen.push(body);
    }
    seen
}
