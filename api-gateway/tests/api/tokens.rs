//! Tokens: made, listed, scoped, expired and revoked.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use store::logs::Verdict;
use store::{DatabaseRole, tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{User, exec_path, spawn_app, spawn_app_on};
use crate::log_completeness::store_lines_and_seal;
use crate::wire;

async fn delete(user: &User<'_>, id: i64) -> u16 {
    let path = format!("/v1/tokens/{id}");
    user.send(Method::DELETE, &path, None)
        .await
        .status()
        .as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let expires = Utc::now() + TimeDelta::hours(1);
    let body = json!({ "name": "ci", "scope": "trigger", "expires_at": expires.to_rfc3339() });
    let (status, made) = me.post("/v1/tokens", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["name"], &made["scope"]),
        (&json!("ci"), &json!("trigger"))
    );
    assert_eq!(made["by_login"], false);
    let text = made["token"].as_str().unwrap();
    let (status, list) = me.get("/v1/tokens").await;
    assert_eq!(
        (status.as_u16(), &list["count"], &list["next"]),
        (200, &json!(2), &json!(null))
    );
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("token");
    assert_eq!(list["results"][0], shown);
    assert!(!list.to_string().contains(text));
    let user = me.with_token(text.to_owned());
    assert_eq!(user.get("/v1/jobs").await.0, 200);
    assert_eq!(user.get("/v1/tokens").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_is_revoked() {
    let app = spawn_app().await;
    let (me, other) = (app.user("me").await, app.user("other").await);
    let (id, text) = me.new_token(json!({ "name": "ci", "scope": "read" })).await;
    let ci = me.with_token(text);
    let (_, list) = me.get("/v1/tokens").await;
    let own = list["results"][1]["id"].as_i64().unwrap();
    assert_eq!(delete(&ci, own).await, 403, "only itself");
    assert_eq!(delete(&other, id).await, 404);
    assert_eq!(ci.get("/v1/jobs").await.0, 200);
    assert_eq!(delete(&ci, id).await, 204, "a token may end itself");
    assert_eq!(ci.get("/v1/jobs").await.0, 401);
    assert_eq!(delete(&me, id).await, 404);
    let missing = me.send(Method::DELETE, "/v1/tokens/first", None).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(delete(&me, own).await, 204, "also the last one");
    assert_eq!(me.get("/v1/jobs").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tokens_are_enough() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    app.database
        .execute(
            "INSERT INTO tokens (account_id, sha256)
                SELECT id, sha256(n::text::bytea) FROM accounts, generate_series(1, 98) n",
        )
        .await;
    let make = || async {
        let body = json!({ "name": "ci" });
        me.post("/v1/tokens", Some(&body)).await
    };
    let all = join_all((0..4).map(|_| make())).await;
    assert_eq!(all.iter().filter(|(status, _)| *status == 201).count(), 1);
    let (status, problem) = make().await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:escapement:problem:too-many-tokens");
}

/// When requests were sent that a token got through.
async fn use_until(
    user: User<'_>,
    end: &tokio::sync::watch::Receiver<Option<Instant>>,
) -> Vec<Instant> {
    let mut through = Vec::new();
    loop {
        let sent = Instant::now();
        if user.get("/v1/account").await.0 == 200 {
            through.push(sent);
        }
        let ended = end.borrow().is_some_and(|end| sent > end);
        if ended {
            return through;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_everywhere_within_a_second() {
    let here = spawn_app().await;
    let there = spawn_app_on(here.database.clone(), &[]);
    let me = here.user("me").await;
    for _ in 0..3 {
        let (id, text) = me.new_token(json!({ "name": "ci" })).await;
        let ci = me.with_token(text);
        let (end, ended) = tokio::sync::watch::channel(None);
        let revoke = async {
            for app in [&here, &there] {
                assert_eq!(app.speak_for(&ci).get("/v1/account").await.0, 200);
            }
            assert_eq!(delete(&me, id).await, 204);
            let answered = Instant::now();
            let _ = end.send(Some(answered + Duration::from_millis(1500)));
            answered
        };
        let uses = [&here, &there].map(|app| use_until(app.speak_for(&ci), &ended));
        let (answered, uses) = tokio::join!(revoke, join_all(uses));
        for through in uses {
            let last = through.last().unwrap();
            let late = last.saturating_duration_since(answered);
            assert!(late < Duration::from_secs(1), "{late:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_revoke_at_once_one_did_it() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let (id, text) = me.new_token(json!({ "name": "ci" })).await;
    let (first, second) = tokio::join!(delete(&me, id), delete(&me, id));
    let mut statuses = [first, second];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    let sha256 = api_gateway::tokens::secret::Token::parse(&text)
        .unwrap()
        .sha256();
    let mut conn = app.store(DatabaseRole::Gateway).connection().await.unwrap();
    assert_eq!(tokens::verify(&mut conn, sha256).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_none_that_outlives_it() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let (soon, late) = ("2100-01-01T00:00:00Z", "2100-01-01T00:00:01Z");
    let (_, short) = me
        .new_token(json!({ "name": "short", "expires_at": soon }))
        .await;
    let short = me.with_token(short);
    for end in [json!(null), json!(late)] {
        let body = json!({ "name": "longer", "expires_at": end });
        let (status, problem) = short.post("/v1/tokens", Some(&body)).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(problem["errors"][0]["field"], "expires_at");
    }
    short
        .new_token(json!({ "name": "same", "expires_at": soon }))
        .await;
}

/// The head of a request decides nothing for a body that comes much later.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_does_not_outlast_a_revocation() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let (id, token) = me.new_token(json!({ "name": "slow" })).await;
    let mut stream = wire::connect(&app).await;
    let head = wire::post_head(&token, wire::JOB.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let path = format!("/v1/tokens/{id}");
    let revoked = me.send(Method::DELETE, &path, None).await;
    assert_eq!(revoked.status(), 204);
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        me.get("/v1/account").await;
    }
    stream.write_all(wire::JOB.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    stream.read_exact(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(me.get("/v1/jobs").await.1["count"], 0);
}

/// Nor does an answer that is sent for a long time.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_not_sent_on_after_a_revocation() {
    const LINE: usize = 128 * 1024;
    let app = spawn_app().await;
    let me = app.user("me").await;
    let exec = me.exec(&me.job(json!({})).await).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    let lines = vec![vec![b'x'; LINE]; 200];
    store_lines_and_seal(&mut conn, &exec, lines, Verdict::Complete)
        .await
        .unwrap();
    let (id, token) = me.new_token(json!({ "name": "slow" })).await;
    let mut stream = wire::connect(&app).await;
    let request = format!(
        "GET {}/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {token}\r\n\r\n",
        exec_path(&exec)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut begun = vec![0; 4096];
    stream.read_exact(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200"));
    let revoked = me
        .send(Method::DELETE, &format!("/v1/tokens/{id}"), None)
        .await;
    assert_eq!(revoked.status(), 204);
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        me.get("/v1/account").await;
    }
    let mut rest = Vec::new();
    // The connection is broken off, so that nobody takes it for the end.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < 150 * LINE, "{} bytes", rest.len());
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}
