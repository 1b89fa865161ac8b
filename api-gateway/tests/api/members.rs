//! Who belongs to a namespace.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, User, read, spawn_app};

async fn acme(app: &TestApp) -> User<'_> {
    let ann = app.user("ann").await;
    let (status, _) = ann
        .post("/v1/organisations", Some(&json!({ "name": "acme" })))
        .await;
    assert_eq!(status, 201);
    ann
}

async fn put(user: &User<'_>, path: &str, role: &str) -> (u16, Value) {
    let path = format!("/v1/namespaces/{path}");
    let answer = user
        .send(Method::PUT, &path, Some(&json!({ "role": role })))
        .await;
    let (status, body) = read(answer).await;
    (status.as_u16(), body)
}

async fn accept(user: &User<'_>, path: &str) -> (u16, Value) {
    let path = format!("/v1/namespaces/{path}/accept");
    let (status, body) = user.post(&path, None).await;
    (status.as_u16(), body)
}

async fn delete(user: &User<'_>, path: &str) -> u16 {
    let path = format!("/v1/namespaces/{path}");
    user.send(Method::DELETE, &path, None)
        .await
        .status()
        .as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_may_do_what_their_role_says_at_once() {
    let app = spawn_app().await;
    let (ann, bob) = (acme(&app).await, app.user("bob").await);
    let jobs = "/v1/jobs?namespace=acme";
    assert_eq!(bob.get(jobs).await.0, 404);
    let (status, member) = put(&ann, "acme/members/bob", "viewer").await;
    assert_eq!(status, 200, "{member}");
    assert_eq!(
        (&member["username"], &member["role"], &member["is_accepted"]),
        (&json!("bob"), &json!("viewer"), &json!(false))
    );
    assert_eq!(bob.get(jobs).await.0, 404, "an invitation is no right");
    let (_, account) = bob.get("/v1/account").await;
    let invitation = json!([{ "name": "acme", "role": "viewer" }]);
    assert_eq!(account["invitations"], invitation);
    assert_eq!(accept(&ann, "acme/members/bob").await.0, 403);
    assert_eq!(accept(&bob, "acme/members/ann").await.0, 404);
    assert_eq!(accept(&bob, "ann/members/bob").await.0, 404);
    let (status, member) = accept(&bob, "acme/members/bob").await;
    assert_eq!((status, &member["is_accepted"]), (200, &json!(true)));
    assert_eq!(bob.get(jobs).await.0, 200);
    assert_eq!(put(&bob, "acme/members/bob", "admin").await.0, 403);
    let (_, list) = bob.get("/v1/namespaces/acme/members").await;
    assert_eq!(list["count"], 2);
    let names: Vec<_> = list["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["username"])
        .collect();
    assert_eq!(names, ["ann", "bob"]);
    put(&ann, "acme/members/bob", "developer").await;
    assert_eq!(
        bob.job(json!({ "namespace": "acme" })).await["created_by"],
        "bob"
    );
    assert_eq!(delete(&ann, "acme/members/bob").await, 204);
    assert_eq!(bob.get(jobs).await.0, 404);
    assert_eq!(delete(&ann, "acme/members/bob").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_leave_but_not_the_last_admin() {
    let app = spawn_app().await;
    let (ann, bob) = (acme(&app).await, app.user("bob").await);
    put(&ann, "acme/members/bob", "viewer").await;
    assert_eq!(delete(&bob, "acme/members/bob").await, 204, "declined");
    put(&ann, "acme/members/bob", "viewer").await;
    accept(&bob, "acme/members/bob").await;
    assert_eq!(delete(&bob, "acme/members/ann").await, 403);
    let (_, weak) = bob
        .new_token(json!({ "name": "ci", "scope": "read" }))
        .await;
    assert_eq!(delete(&bob.with_token(weak), "acme/members/bob").await, 403);
    assert_eq!(delete(&bob, "acme/members/bob").await, 204);
    assert_eq!(delete(&bob, "acme/members/bob").await, 404);
    assert_eq!(delete(&ann, "acme/members/ann").await, 409);
    let (status, problem) = put(&ann, "acme/members/ann", "viewer").await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:escapement:problem:last-admin");
    let (status, problem) = put(&ann, "ann/members/ann", "viewer").await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:escapement:problem:own-namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_admins_who_all_leave_at_once_one_stays() {
    let app = spawn_app().await;
    let ann = acme(&app).await;
    let mut admins = vec![("ann", ann.clone())];
    for name in ["bob", "eve", "dan"] {
        admins.push((name, app.user(name).await));
        let path = format!("acme/members/{name}");
        put(&ann, &path, "admin").await;
        accept(&admins[admins.len() - 1].1, &path).await;
    }
    let paths: Vec<_> = admins
        .iter()
        .map(|(name, _)| format!("acme/members/{name}"))
        .collect();
    let leaves = admins
        .iter()
        .zip(&paths)
        .map(|((_, user), path)| delete(user, path));
    let mut statuses = join_all(leaves).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 204, 204, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_are_members() {
    let app = spawn_app().await;
    let ann = acme(&app).await;
    for nobody in ["nobody", "acme", "Nobody", "%00"] {
        let (status, problem) = put(&ann, &format!("ann/members/{nobody}"), "viewer").await;
        assert_eq!(status, 404, "{nobody}: {problem}");
    }
    let (status, problem) = put(&ann, "acme/members/ann", "owner").await;
    assert_eq!(status, 400);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("viewer, developer, admin"), "{message}");
}
