//! Calendars: dates that the schedules of a namespace name together.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_types::JobId;
use store::{DatabaseRole, schedules};

use crate::app::{TestApp, User, read, spawn_app};

const LIST: &str = "/v1/namespaces/ann/calendars";

async fn put(user: &User<'_>, name: &str, dates: Value) -> (StatusCode, Value) {
    let body = json!({ "dates": dates });
    let path = format!("{LIST}/{name}");
    read(user.send(Method::PUT, &path, Some(&body)).await).await
}

async fn delete(user: &User<'_>, name: &str) -> StatusCode {
    let path = format!("{LIST}/{name}");
    user.send(Method::DELETE, &path, None).await.status()
}

/// Runs at noon of New Year's Day and of the day after, for ever.
fn noons() -> Value {
    json!({
        "schedule_mode": "0 12 1,2 1 *", "is_schedule_active": true,
        "schedule_calendars": ["holidays"],
    })
}

async fn next_days(user: &User<'_>, job: &Value) -> Vec<String> {
    let (_, job) = user.get(&format!("/v1/jobs/{}", job["id"])).await;
    let runs = job["next_runs"].as_array().unwrap().iter();
    runs.map(|at| at.as_str().unwrap()[5..10].to_owned())
        .collect()
}

async fn generation(app: &TestApp, job: &Value) -> i64 {
    let conn = &mut app.store(DatabaseRole::Gateway).connection().await.unwrap();
    let id = JobId(job["id"].as_i64().unwrap());
    let schedule = schedules::get(conn, id).await.unwrap().unwrap();
    schedule.revision.generation
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_kept_replaced_and_deleted() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    let (status, kept) = put(
        &ann,
        "holidays",
        json!(["--01-01", "2027-03-26/2027-03-29"]),
    )
    .await;
    assert_eq!(status, 200, "{kept}");
    assert_eq!(kept["name"], "holidays");
    let (status, sent_back) = read(
        ann.send(Method::PUT, &format!("{LIST}/holidays"), Some(&kept))
            .await,
    )
    .await;
    assert_eq!(
        (status, &sent_back["dates"]),
        (StatusCode::OK, &kept["dates"])
    );
    let (_, list) = ann.get(LIST).await;
    assert_eq!(list["results"], json!([sent_back]));
    assert_eq!(delete(&ann, "holidays").await, 204);
    assert_eq!(delete(&ann, "holidays").await, 404);
    let (_, audit) = ann.get("/v1/namespaces/ann/audit").await;
    let done = |at: usize| {
        (
            &audit["results"][at]["action"],
            &audit["results"][at]["resource"],
        )
    };
    assert_eq!(
        done(0),
        (&json!("calendar.delete"), &json!("calendars/holidays"))
    );
    assert_eq!(
        done(1),
        (&json!("calendar.put"), &json!("calendars/holidays"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_calendar_is_told() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    for (name, dates, field, said) in [
        ("holidays", json!(["2027-02-30"]), "dates", "no such date"),
        ("holidays", json!("--01-01"), "dates", "array"),
        (
            "holidays",
            json!(vec!["--01-01"; 401]),
            "dates",
            "at most 400",
        ),
        ("Holidays", json!(["--01-01"]), "name", "lower-case"),
    ] {
        let (status, problem) = put(&ann, name, dates).await;
        assert_eq!(status, 400, "{problem}");
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(
            error["message"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    for number in 0..20 {
        put(&ann, &format!("calendar-{number}"), json!([])).await;
    }
    let (status, problem) = put(&ann, "one-more", json!([])).await;
    assert_eq!(
        (status, &problem["type"]),
        (
            StatusCode::CONFLICT,
            &json!("urn:escapement:problem:too-many-calendars")
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_follow_their_calendar() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    put(&ann, "holidays", json!(["--01-01"])).await;
    let job = ann.job(noons()).await;
    assert_eq!(job["schedule_calendars"], json!(["holidays"]));
    assert_eq!(next_days(&ann, &job).await, ["01-02"; 5]);
    put(&ann, "holidays", json!(["--01-02"])).await;
    assert_eq!(next_days(&ann, &job).await, ["01-01"; 5]);
    assert_eq!(generation(&app, &job).await, 2);
    put(&ann, "holidays", json!(["--01-02"])).await;
    assert_eq!(generation(&app, &job).await, 2, "nothing changed");

    // Another edit keeps the dates, and null takes the calendar out.
    let path = format!("/v1/jobs/{}", job["id"]);
    let change = json!({ "jitter": 5 });
    ann.send(Method::PUT, &path, Some(&change)).await;
    assert_eq!(next_days(&ann, &job).await, ["01-01"; 5]);
    let (status, problem) = read(
        ann.send(Method::DELETE, &format!("{LIST}/holidays"), None)
            .await,
    )
    .await;
    assert_eq!(status, 409, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&job["id"].to_string()), "{detail}");
    let change = json!({ "schedule_calendars": [] });
    ann.send(Method::PUT, &path, Some(&change)).await;
    assert_eq!(
        next_days(&ann, &job).await,
        ["01-01", "01-02", "01-01", "01-02", "01-01"]
    );
    assert_eq!(delete(&ann, "holidays").await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_one_of_the_namespace() {
    let app = spawn_app().await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    put(&ann, "holidays", json!(["--01-01"])).await;
    let mut new = json!({ "name": "n", "command": "c", "docker_image_repo": "r.io/a" });
    let fields = noons().as_object().unwrap().clone();
    new.as_object_mut().unwrap().extend(fields);
    let mut preview = json!({ "schedule_mode": "@daily", "schedule_calendars": ["holidays"] });
    for (path, body) in [
        ("/v1/jobs", &new),
        ("/v1/jobs?dry_run=true", &new),
        ("/v1/schedules/preview", &preview),
    ] {
        let (status, problem) = ben.post(path, Some(body)).await;
        assert_eq!(status, 400, "{path}: {problem}");
        let error = &problem["errors"][0];
        assert_eq!(error["field"], "schedule_calendars", "{problem}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("no calendar of ben"), "{message}");
    }
    preview["namespace"] = json!("ann");
    let path = "/v1/schedules/preview";
    assert_eq!(ben.post(path, Some(&preview)).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_and_dry_runs_know_calendars() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    put(&ann, "holidays", json!(["--01-01"])).await;
    let mut asked = noons();
    asked["name"] = json!("n");
    asked["command"] = json!("c");
    asked["docker_image_repo"] = json!("r.io/a");
    let (_, dry_run) = ann.post("/v1/jobs?dry_run=true", Some(&asked)).await;
    let asked = json!({
        "schedule_mode": "0 12 1,2 1 *", "schedule_calendars": ["holidays"], "namespace": "ann",
    });
    let (_, preview) = ann.post("/v1/schedules/preview", Some(&asked)).await;
    for answer in [dry_run, preview] {
        let runs = answer["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 10);
        for run in runs {
            assert_eq!(&run["local"].as_str().unwrap()[5..10], "01-02", "{run}");
        }
    }
}

/// Later holidays may leave nothing of a schedule: it is kept, and runs with the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_may_leave_nothing() {
    let app = spawn_app().await;
    let ann = app.user("ann").await;
    put(&ann, "holidays", json!(["* * *"])).await;
    let job = ann.job(noons()).await;
    assert_eq!(job["next_runs"], json!([]));
    put(&ann, "holidays", json!([])).await;
    assert_eq!(next_days(&ann, &job).await.len(), 5);
    put(&ann, "holidays", json!(["* * *"])).await;
    assert!(next_days(&ann, &job).await.is_empty());
}
