//! The audit log, as a namespace's admins read it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{User, spawn_app};

const LOG: &str = "/v1/namespaces/me/audit";

async fn read(user: &User<'_>, query: &str) -> Value {
    let (status, list) = user.get(&format!("{LOG}{query}")).await;
    assert_eq!(status, 200, "{list}");
    list
}

fn actions(list: &Value) -> Vec<&str> {
    let records = list["results"].as_array().unwrap().iter();
    records
        .map(|record| record["action"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_who_did_what_when_and_from_where() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let (id, _) = me.new_token(json!({ "name": "ci" })).await;
    let request = me.request(Method::DELETE, &format!("/v1/tokens/{id}"));
    let answer = request.header("x-request-id", "r-7").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let list = read(&me, "").await;
    let told = [
        "token.revoke",
        "token.create",
        "token.create",
        "account.create",
    ];
    assert_eq!(actions(&list), told, "newest first");
    let newest = &list["results"][0];
    assert_eq!(newest["actor"], "me");
    assert_eq!(newest["resource"], format!("tokens/{id}"));
    assert_eq!(newest["address"], "127.0.0.1");
    assert_eq!(newest["request_id"], "r-7");
    assert!(newest["token_id"].is_i64() && newest["created_at"].is_string());
    let oldest = &list["results"][3];
    assert_eq!(
        (&oldest["actor"], &oldest["token_id"]),
        (&json!("(operator)"), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_leaves_no_line() {
    let app = spawn_app().await;
    let me = app.user("me").await;
    let before = read(&me, "").await;
    let (status, _) = me
        .post("/v1/organisations", Some(&json!({ "name": "me" })))
        .await;
    assert_eq!(status, 409);
    let gone = me.send(Method::DELETE, "/v1/tokens/999999", None).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(read(&me, "").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_filtered_and_paged() {
    let app = spawn_app().await;
    let (me, you) = (app.user("me").await, app.user("you").await);
    let path = "/v1/namespaces/me/members/you";
    me.send(Method::PUT, path, Some(&json!({ "role": "developer" })))
        .await;
    assert_eq!(you.post(&format!("{path}/accept"), None).await.0, 200);
    let job = you.job(json!({ "namespace": "me" })).await;
    assert_eq!(job["namespace"], "me");
    assert_eq!(
        actions(&read(&me, "?actor=you").await),
        ["job.create", "member.accept"]
    );
    assert_eq!(read(&me, "?action=member.set").await["count"], 1);
    assert_eq!(read(&me, "?actor=you&action=member.set").await["count"], 0);
    assert_eq!(
        read(&me, "?created_before=2020-01-01T00:00:00Z").await["count"],
        0
    );
    let all = read(&me, "?created_after=2020-01-01T00:00:00Z").await;
    assert_eq!(all["count"], 5);
    let mut page = read(&me, "?page_size=3").await;
    assert_eq!(page["count"], 5);
    let mut told = page["results"].as_array().unwrap().clone();
    let next = page["next"].as_str().unwrap().to_owned();
    page = me.get(&next).await.1;
    told.extend(page["results"].as_array().unwrap().iter().cloned());
    assert_eq!(&told, all["results"].as_array().unwrap());
    assert_eq!(page["next"], json!(null));
    let (status, problem) = me.get(&format!("{LOG}?created_after=x&page=0")).await;
    assert_eq!(
        (status.as_u16(), problem["errors"].as_array().unwrap().len()),
        (400, 2)
    );
    assert_eq!(you.get(LOG).await.0, 403, "admins only");
}
