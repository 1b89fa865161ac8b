//! Lines of the logs of a job's and a namespace's execs.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::EventKind;
use store::logs::LogLine;

use crate::app::{TestApp, User, read, spawn_app};
use crate::logs::{print, tell};
use crate::shape::{FOUND_LINE, assert_shape};

/// An exec that printed these lines now.
async fn printed(app: &TestApp, user: &User<'_>, job: &Value, texts: &[&str]) -> Value {
    let exec = user.exec(job).await;
    let line = |text: &&str| LogLine {
        at: Utc::now(),
        continued: false,
        gap_before: false,
        bytes: text.as_bytes().to_vec(),
    };
    print(app, &exec, 1, texts.iter().map(line).collect()).await;
    exec
}

/// All lines of all pages, and whose they are.
async fn found(user: &User<'_>, path: &str) -> Vec<(String, Value)> {
    let mut path = path.to_owned();
    let mut found = Vec::new();
    loop {
        let answer = user.request(Method::GET, &path).send().await.unwrap();
        let link = answer.headers().get("link").cloned();
        let (status, page) = read(answer).await;
        assert_eq!(status, 200, "{page}");
        for line in page.as_array().unwrap() {
            assert_shape(line, FOUND_LINE);
            let message = line["message"].as_str().unwrap().to_owned();
            found.push((message, line["exec_id"].clone()));
        }
        let Some(link) = link else {
            return found;
        };
        let link = link.to_str().unwrap();
        let url = &link[link.find("/v1/").unwrap()..];
        url.strip_suffix(">; rel=\"next\"")
            .unwrap()
            .clone_into(&mut path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_many_execs_the_newest_first() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let (job, other) = (user.job(json!({})).await, user.job(json!({})).await);
    let first = printed(&app, &user, &job, &["a needle", "hay", "needles"]).await;
    let second = printed(&app, &user, &other, &["hay", "b needle"]).await;
    let third = printed(&app, &user, &job, &["c needle"]).await;
    tell(&app, &third, &[(1, EventKind::Ended, 0, "needle: failed")]).await;
    let own = |text: &str, exec: &Value| (text.to_owned(), exec["id"].clone());
    let of_job = [
        own("c needle", &third),
        own("needle: failed", &third),
        own("a needle", &first),
        own("needles", &first),
    ];
    let of_all = [&of_job[..2], &[own("b needle", &second)], &of_job[2..]].concat();
    let job_logs = format!("/v1/jobs/{}/logs", job["id"]);
    for limit in 1..=6 {
        let query = format!("q=needle&limit={limit}");
        assert_eq!(found(&user, &format!("{job_logs}?{query}")).await, of_job);
        let path = format!("/v1/namespaces/me/logs?{query}");
        assert_eq!(found(&user, &path).await, of_all);
    }
    let programs = found(&user, &format!("{job_logs}?regex=^.%20n&platform=false")).await;
    assert_eq!(programs, [of_job[0].clone(), of_job[2].clone()]);
    let everything = found(&user, "/v1/namespaces/me/logs").await;
    assert_eq!(everything.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_execs_than_a_page_looks_at() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let first = printed(&app, &user, &job, &["needle"]).await;
    for _ in 0..210 {
        user.exec(&job).await;
    }
    let path = format!("/v1/jobs/{}/logs?q=needle", job["id"]);
    let answer = user.request(Method::GET, &path).send().await.unwrap();
    assert!(answer.headers().contains_key("link"));
    assert_eq!(read(answer).await.1, json!([]));
    let found = found(&user, &path).await;
    assert_eq!(found, [("needle".to_owned(), first["id"].clone())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_choose_lines_and_execs() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    printed(&app, &user, &job, &["now"]).await;
    let path = format!("/v1/jobs/{}/logs", job["id"]);
    let seconds = |offset| (Utc::now() + TimeDelta::minutes(offset)).timestamp();
    for (from, until, lines) in [(-5, 5, 1), (1, 5, 0), (-5, -1, 0)] {
        let (from, until) = (seconds(from), seconds(until));
        let query = format!("start_time={from}&end_time={until}");
        let found = found(&user, &format!("{path}?{query}")).await;
        assert_eq!(found.len(), lines, "{query}");
    }
    // Triggered long before what is sought.
    app.database
        .execute("UPDATE execs SET created_at = now() - interval '8 days'")
        .await;
    let recent = format!("{path}?start_time={}", seconds(-5));
    assert_eq!(found(&user, &recent).await.len(), 0);
    assert_eq!(found(&user, &path).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_or_another_users_is_not_found() {
    let app = spawn_app().await;
    let (user, stranger) = (app.user("me").await, app.user("you").await);
    let job = user.job(json!({})).await;
    let exec = printed(&app, &user, &job, &["a"]).await;
    printed(&app, &user, &job, &["b"]).await;
    let path = crate::app::exec_path(&exec);
    let deleted = user.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    let lines = found(&user, "/v1/namespaces/me/logs").await;
    let lines: Vec<_> = lines.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["b"]);
    for path in [
        format!("/v1/jobs/{}/logs", job["id"]),
        "/v1/namespaces/me/logs".to_owned(),
    ] {
        assert_eq!(stranger.get(&path).await.0, 404);
    }
    let (status, problem) = user.get("/v1/namespaces/me/logs?cursor=1.2&regex=(").await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    // An instant that Postgres does not know.
    let id = exec["id"].as_str().unwrap();
    let path = format!("/v1/namespaces/me/logs?cursor=-9000000000000000000.{id}");
    assert_eq!(user.get(&path).await.0, 400);
}
