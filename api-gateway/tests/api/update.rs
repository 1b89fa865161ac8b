//! Changing a job, by PUT and PATCH alike.

use bus::testing::Vhost;
use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_types::JobId;
use shared_types::message::Hint;

use crate::app::{User, exec_path, read, spawn_app, spawn_app_with};
use crate::shape::{JOB, assert_shape};

async fn put(user: &User<'_>, job: &Value, body: &Value) -> (StatusCode, Value) {
    let path = format!("/v1/jobs/{}", job["id"]);
    read(user.send(Method::PUT, &path, Some(body)).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn put_and_patch_change_what_is_given() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let made = user
        .job(json!({ "timeout": 60, "retries": 2, "runtime_vars": { "A": "a" } }))
        .await;
    for method in [Method::PUT, Method::PATCH] {
        let path = format!("/v1/jobs/{}/", made["id"]);
        let body = json!({ "docker_image_tag": method.as_str(), "retries": null });
        let (status, changed) = read(user.send(method.clone(), &path, Some(&body)).await).await;
        assert_eq!(status, 200, "{changed}");
        assert_shape(&changed, JOB);
        let mut expected = made.clone();
        expected["docker_image_tag"] = json!(method.as_str());
        expected["retries"] = json!(null);
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected);
        assert_eq!(user.get(&path).await.1, changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_get_answered_can_be_sent_back() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let made = user
        .job(json!({
            "schedule_mode": "R/2040-01-01T00:00:00Z/PT1H", "is_schedule_active": true,
            "command": ["a", "b"], "secret_vars": { "S": "hush" }, "timeout": 5,
        }))
        .await;
    let (status, mut changed) = put(&user, &made, &made).await;
    assert_eq!(status, 200, "{changed}");
    changed["updated_at"] = made["updated_at"].clone();
    assert_eq!(changed, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_update_names_every_field_and_changes_nothing() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let body = json!({
        "name": "", "namespace": "other", "is_schedule_active": true, "comand": "x", "timeout": 0,
    });
    let (status, problem) = put(&user, &job, &body).await;
    assert_eq!(status, 400);
    let mut errors: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
    errors.sort_by_key(|error| error["field"].to_string());
    let fields: Vec<_> = errors
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        ["comand", "name", "namespace", "schedule_mode", "timeout"]
    );
    assert_eq!(
        errors[0]["message"],
        "is not a field; did you mean \"command\"?"
    );
    assert_eq!(errors[2]["message"], "is \"me\" and cannot be changed");
    let (_, shown) = user.get(&format!("/v1/jobs/{}", job["id"])).await;
    assert_eq!(shown, job);
    let nowhere = json!({ "id": 4711 });
    assert_eq!(put(&user, &nowhere, &body).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_keeps_its_snapshot() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({ "command": "old" })).await;
    let exec = user.exec(&job).await;
    let (_, changed) = put(
        &user,
        &job,
        &json!({ "command": "new", "region_name": "south" }),
    )
    .await;
    let (_, detail) = user.get(&exec_path(&exec)).await;
    assert_eq!(
        (&detail["command"], &detail["region_name"]),
        (&json!("old"), &json!("north"))
    );
    assert_eq!(detail["job"], changed);
    let next = user.exec(&job).await;
    assert_eq!(
        (&next["command"], &next["region_name"]),
        (&json!("new"), &json!("south"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_updates_of_different_fields_both_last() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let bodies = [
        json!({ "command": "c2" }),
        json!({ "timeout": 7 }),
        json!({ "docker_image_tag": "t2" }),
        json!({ "email_enabled": true }),
    ];
    let answers = join_all(bodies.iter().map(|body| put(&user, &job, body))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    let (_, shown) = user.get(&format!("/v1/jobs/{}", job["id"])).await;
    for (name, value) in bodies.iter().flat_map(|body| body.as_object().unwrap()) {
        assert_eq!(&shown[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_go_in_and_never_come_out() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user
        .job(json!({ "secret_vars": { "A": "first-hush", "B": "second-hush" } }))
        .await;
    assert_eq!(job["secret_vars"], json!({ "A": null, "B": null }));
    let exec = user.exec(&job).await;
    assert_eq!(exec["secret_vars"], json!({ "A": null, "B": null }));
    let body = json!({ "secret_vars": { "A": null, "C": "third-hush" } });
    let (_, changed) = put(&user, &job, &body).await;
    assert_eq!(changed["secret_vars"], json!({ "A": null, "C": null }));
    let (status, problem) = put(&user, &job, &json!({ "secret_vars": { "D": null } })).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["field"]),
        (400, &json!("secret_vars.D"))
    );
    let (_, detail) = user.get(&exec_path(&exec)).await;
    assert!(
        ![&job, &exec, &changed, &problem, &detail]
            .iter()
            .any(|answer| { answer.to_string().contains("hush") })
    );
    // Three values were sealed, and no row of a job or an exec holds a text.
    app.database
        .execute(
            "DO $$ BEGIN
                ASSERT (SELECT count(*) FROM secrets) = 3;
                ASSERT NOT EXISTS (SELECT FROM secrets WHERE sealed::text LIKE '%68757368%');
                ASSERT NOT EXISTS (SELECT FROM jobs WHERE spec::text LIKE '%hush%');
                ASSERT NOT EXISTS (SELECT FROM execs WHERE spec::text LIKE '%hush%');
            END $$",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_changed_schedule_is_announced() {
    let vhost = Vhost::create().await;
    let listener = Process::for_test("listener");
    let bus = Bus::connect(vhost.config(), &listener).unwrap();
    let route = HintBinding::Route(HintRoute::ScheduleChanged);
    let mut hints = bus.hints(vec![route]);
    hints.bound().wait_for(|bound| *bound).await.unwrap();
    let app = spawn_app_with(&[("ESCAPEMENT__BROKER__URL", vhost.url())]).await;
    let user = app.user("me").await;
    let mode = "R1/2040-01-01T00:00:00Z/PT1H";
    let (first, second) = (user.job(json!({})).await, user.job(json!({})).await);
    put(&user, &first, &json!({ "name": "renamed" })).await;
    let body = json!({ "schedule_mode": mode, "is_schedule_active": true });
    put(&user, &second, &body).await;
    let job_id = JobId(second["id"].as_i64().unwrap());
    assert_eq!(hints.recv().await, Some(Hint::ScheduleChanged { job_id }));
}
