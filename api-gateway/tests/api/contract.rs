//! Each sample of the 2015 page, request and answer.

use chrono::DateTime;
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{ExecEvent, Reason};
use store::lifecycle::{self, End, Ended, Placement, Start};
use store::{AsyncConnection, DatabaseRole, StoreError};

use crate::app::{TestApp, exec_path, read, spawn_app, spawn_app_with};
use crate::samples::{self, assert_reads_like};
use crate::shape::{EXEC, EXEC_DETAIL, JOB, assert_shape, results};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_listed_and_shown_as_it_was_stored() {
    let app = spawn_app_with(&[("ESCAPEMENT__REGIONS", "BEIJING1")]).await;
    let user = app.user("chennanfei").await;
    let request = samples::create_request();
    let (status, created) = user.post("/v1/jobs", Some(&request)).await;
    assert_eq!(status, 201);
    assert_shape(&created, JOB);
    assert_reads_like(&created, &samples::job());
    for (name, value) in request.as_object().unwrap() {
        assert_eq!(&created[name], value, "{name}");
    }
    assert_eq!(created["region_name"], "BEIJING1");
    assert_eq!(created["created_by"], "chennanfei");
    assert_eq!(created["email_enabled"], false);

    let (status, shown) = user.get(&format!("/v1/jobs/{}", created["id"])).await;
    assert_eq!((status.as_u16(), &shown), (200, &created));
    assert_reads_like(&shown, &samples::job());
    for path in [
        "/v1/jobs?namespace=chennanfei",
        "/v1/jobs",
        "/v1/jobs?namespace=",
    ] {
        let (status, list) = user.get(path).await;
        assert_eq!(status, 200);
        assert_reads_like(&list, &samples::job_list());
        assert_eq!(results(&list), std::slice::from_ref(&created));
        assert_eq!(
            (&list["count"], &list["next"], &list["previous"]),
            (&json!(1), &json!(null), &json!(null))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_updated_and_deleted() {
    let app = spawn_app().await;
    let user = app.user("chennanfei").await;
    let (_, created) = user
        .post("/v1/jobs", Some(&samples::create_request()))
        .await;
    let path = format!("/v1/jobs/{}", created["id"]);
    let request = samples::update_request();
    let (status, updated) = read(user.send(Method::PUT, &path, Some(&request)).await).await;
    assert_eq!(status, 200);
    assert_shape(&updated, JOB);
    assert_reads_like(&updated, &samples::updated_job());
    for (name, value) in request.as_object().unwrap() {
        assert_eq!(&updated[name], value, "{name}");
    }
    for name in [
        "id",
        "created_at",
        "namespace",
        "docker_image_repo",
        "region_name",
    ] {
        assert_eq!(updated[name], created[name], "{name}");
    }
    assert_ne!(updated["updated_at"], created["updated_at"]);
    assert_eq!(user.get(&path).await.1, updated);

    let deleted = user.send(Method::DELETE, &path, None).await;
    assert_eq!(deleted.status(), 204);
    assert!(deleted.bytes().await.unwrap().is_empty());
    assert_eq!(user.get(&path).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_is_deleted() {
    let app = spawn_app().await;
    let user = app.user("chennanfei").await;
    let job = user.job(json!({})).await;
    let (kept, exec) = (user.exec(&job).await, user.exec(&job).await);
    let deleted = user.send(Method::DELETE, &exec_path(&exec), None).await;
    assert_eq!(deleted.status(), 204);
    assert!(deleted.bytes().await.unwrap().is_empty());
    assert_eq!(user.get(&exec_path(&exec)).await.0, 404);
    let (_, list) = user.get(&format!("/v1/jobs/{}/execs", job["id"])).await;
    assert_eq!(list["count"], 1);
    assert_eq!(results(&list)[0]["id"], kept["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_what_was_stored() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let given = json!({
        "name": "每日备份", "command": ["sh", "-c", "echo \"$X\""], "region_name": "south",
        "resource_size": "XL", "schedule_mode": "R3/2030-12-31T16:00:23.446Z/PT1H",
        "is_schedule_active": true, "email_enabled": true,
        "runtime_vars": { "X": "ä\n\"", "EMPTY": "" },
    });
    let created = user.job(given.clone()).await;
    for (name, value) in given.as_object().unwrap() {
        assert_eq!(&created[name], value, "{name}");
    }
    assert_eq!(created["docker_image_tag"], "latest");
    let (_, shown) = user.get(&format!("/v1/jobs/{}", created["id"])).await;
    assert_eq!(shown, created);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_is_triggered_listed_and_shown_with_its_job() {
    let app = spawn_app().await;
    let user = app.user("chennanfei").await;
    let (_, job) = user
        .post("/v1/jobs", Some(&samples::create_request()))
        .await;
    let exec = user.exec(&job).await;
    assert_shape(&exec, EXEC);
    assert_reads_like(&exec, &samples::triggered_exec());
    for name in [
        "command",
        "docker_image_repo",
        "docker_image_tag",
        "resource_size",
        "region_name",
        "runtime_vars",
    ] {
        assert_eq!(exec[name], job[name], "{name}");
    }
    assert_eq!(exec["job"], job["id"]);
    assert_eq!(
        (&exec["status"], &exec["trigger_mode"]),
        (&json!("W"), &json!("M"))
    );
    for name in [
        "started_at",
        "ended_at",
        "duration",
        "reason",
        "message",
        "exit_code",
        "slot_at",
    ] {
        assert_eq!(exec[name], json!(null), "{name}");
    }

    let (status, list) = user.get(&format!("/v1/jobs/{}/execs", job["id"])).await;
    assert_eq!(status, 200);
    assert_eq!(results(&list), std::slice::from_ref(&exec));
    assert_reads_like(&list, &samples::exec_list());
    let (status, detail) = user.get(&exec_path(&exec)).await;
    assert_eq!(status, 200);
    assert_shape(&detail, EXEC_DETAIL);
    assert_eq!(detail["job"], job);
    for (name, _, _) in EXEC.iter().filter(|(name, ..)| *name != "job") {
        assert_eq!(detail[name], exec[name], "{name}");
    }
}

/// What the executor writes of a program that ran ten seconds and failed.
async fn run_and_fail(app: &TestApp, exec: &Value) {
    let id = exec["id"].as_str().unwrap().parse().unwrap();
    let at = |second: i64| DateTime::from_timestamp(1_451_314_322 + second, 952_491_000).unwrap();
    let line = String::new();
    let node = "node".to_owned();
    let placement = Placement {
        node,
        at: at(0),
        line: line.clone(),
    };
    let start = Start {
        placement,
        at: at(0),
        line: line.clone(),
    };
    let end = End {
        attempt: 1,
        event: ExecEvent::Failed,
        reason: Reason::ExitCode,
        message: "exit code 3".to_owned(),
        line,
        exit_code: Some(3),
        at: at(10),
        start: Some(start),
        placement: None,
        said: None,
        only_unclaimed: false,
    };
    let mut conn = app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    let ended = conn.transaction::<Ended, StoreError, _>(async |conn| {
        lifecycle::begin_attempt(conn, id, 1, (at(0), None)).await?;
        lifecycle::end(conn, id, &end).await
    });
    assert!(matches!(ended.await.unwrap(), Ended::Moved(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_exec_shows_how_it_ended() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let vars = json!({ "runtime_vars": { "DB_HOST": "127.0.0.1" } });
    let exec = user.exec(&user.job(vars).await).await;
    run_and_fail(&app, &exec).await;
    let (_, detail) = user.get(&exec_path(&exec)).await;
    assert_shape(&detail, EXEC_DETAIL);
    let (_, list) = user.get(&format!("/v1/jobs/{}/execs", exec["job"])).await;
    assert_reads_like(&list, &samples::exec_list());
    // The page shows the job's variables as a text there: a slip we do not repeat.
    let mut sample = samples::exec_detail();
    assert!(detail["job"]["runtime_vars"].is_object());
    sample["job"]
        .as_object_mut()
        .unwrap()
        .remove("runtime_vars");
    assert_reads_like(&detail, &sample);
    for shown in [&detail, &results(&list)[0]] {
        assert_eq!(shown["status"], "F");
        assert_eq!(shown["started_at"], "2015-12-28T14:52:02.952491+00:00");
        assert_eq!(shown["ended_at"], "2015-12-28T14:52:12.952491+00:00");
        let ten_seconds = json!({ "hours": 0, "minutes": 0, "seconds": 10 });
        assert_eq!(shown["duration"], ten_seconds);
        assert_eq!(
            (&shown["reason"], &shown["exit_code"]),
            (&json!("exit_code"), &json!(3))
        );
        assert_eq!(
            (&shown["message"], &shown["attempt"]),
            (&json!("exit code 3"), &json!(1))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailing_slash_makes_no_difference() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let (status, job) = user.post("/v1/jobs/", Some(&sample_of("me"))).await;
    assert_eq!(status, 201);
    let (status, exec) = user
        .post(&format!("/v1/jobs/{}/execs/", job["id"]), None)
        .await;
    assert_eq!(status, 201);
    let of_job = format!("/v1/jobs/{}", job["id"]);
    let of_exec = exec_path(&exec);
    for path in [
        "/v1/jobs",
        &of_job,
        &format!("{of_job}/execs"),
        &of_exec,
        &format!("{of_exec}/logs"),
    ] {
        let plain = user.get(path).await;
        assert_eq!(plain.0, 200, "{path}");
        assert_eq!(plain, user.get(&format!("{path}/")).await, "{path}");
    }
    let query = user.get("/v1/jobs/?namespace=me&page_size=1").await;
    assert_eq!(query.0, 200);
}

fn sample_of(namespace: &str) -> Value {
    let mut body = samples::create_request();
    body["namespace"] = json!(namespace);
    body
}
