//! Cancelling: recorded at once, carried out by the executor.

use bus::testing::Vhost;
use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use futures::future::join_all;
use serde_json::json;
use shared_types::message::Hint;

use crate::app::{exec_path, spawn_app, spawn_app_with};
use crate::ending::{end, exec_id};
use crate::shape::{EXEC, assert_shape};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_recorded_once_until_the_exec_has_ended() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/cancel", exec_path(&exec));
    let answers = join_all((0..4).map(|_| user.post(&path, None))).await;
    let (status, first) = &answers[0];
    assert_eq!(*status, 202, "{first}");
    assert_shape(first, EXEC);
    assert!(first["cancel_requested_at"].is_string());
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "{answers:?}"
    );
    assert_eq!(
        first["status"], "W",
        "what becomes of it is the executor's to say"
    );

    end(&app, &exec).await;
    let (status, problem) = user.post(&path, Some(&json!({}))).await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:escapement:problem:exec-ended");
    assert!(problem["detail"].as_str().unwrap().contains("cancelled"));
    let (_, shown) = user.get(&exec_path(&exec)).await;
    assert_eq!(shown["cancel_requested_at"], first["cancel_requested_at"]);
    let (status, _) = user.post(&path, Some(&json!({ "force": true }))).await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executor_of_the_region_is_told() {
    let vhost = Vhost::create().await;
    let listener = Process::for_test("listener");
    let bus = Bus::connect(vhost.config(), &listener).unwrap();
    let region = "south".to_owned();
    let mut hints = bus.hints(vec![HintBinding::Route(HintRoute::Cancel { region })]);
    hints.bound().wait_for(|bound| *bound).await.unwrap();
    let app = spawn_app_with(&[("ESCAPEMENT__BROKER__URL", vhost.url())]).await;
    let user = app.user("me").await;
    let job = user.job(json!({ "region_name": "south" })).await;
    let exec = user.exec(&job).await;
    user.post(&format!("{}/cancel", exec_path(&exec)), None)
        .await;
    let exec_id = exec_id(&exec);
    assert_eq!(hints.recv().await, Some(Hint::CancelRequested { exec_id }));
}
