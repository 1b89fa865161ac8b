//! Running again what an exec ran.

use reqwest::Method;
use serde_json::json;

use crate::app::{exec_path, spawn_app};
use crate::ending::end;
use crate::shape::{EXEC, assert_shape};

#[tokio::test(flavor = "multi_thread")]
async fn a_rerun_repeats_the_snapshot_whatever_the_job_is_now() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user
        .job(json!({ "timeout": 5, "secret_vars": { "S": "hush" }, "region_name": "south" }))
        .await;
    let path = format!("/v1/jobs/{}", job["id"]);
    let asked = json!({ "command": "other", "runtime_vars": { "A": "a" } });
    let (_, model) = user.post(&format!("{path}/execs"), Some(&asked)).await;
    end(&app, &model).await;
    let change = json!({ "command": "new", "secret_vars": {}, "region_name": "north" });
    user.send(Method::PUT, &path, Some(&change)).await;

    let (status, exec) = user
        .post(&format!("{}/rerun/", exec_path(&model)), None)
        .await;
    assert_eq!(status, 201, "{exec}");
    assert_shape(&exec, EXEC);
    let mut expected = model.clone();
    expected["rerun_of"] = model["id"].clone();
    for name in ["id", "created_at"] {
        expected[name] = exec[name].clone();
    }
    assert_eq!(exec, expected, "it waits like a new one");
    assert_ne!(exec["id"], model["id"]);
    let (_, list) = user.get(&format!("{path}/execs")).await;
    assert_eq!(list["count"], 2);

    user.send(Method::DELETE, &exec_path(&model), None).await;
    let (_, shown) = user.get(&exec_path(&exec)).await;
    assert_eq!(shown["rerun_of"], model["id"], "its model may be gone");
    let (status, _) = user
        .post(&format!("{}/rerun", exec_path(&model)), None)
        .await;
    assert_eq!(status, 404);
}
