//! Deleting jobs and execs, also while they run and are triggered.

use std::collections::BTreeSet;

use bus::testing::Vhost;
use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared_types::message::Hint;
use store::{DatabaseRole, execs};

use crate::app::{User, exec_path, spawn_app, spawn_app_with};
use crate::ending::{end, exec_id};

async fn delete(user: &User<'_>, path: &str) -> StatusCode {
    user.send(Method::DELETE, path, None).await.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_is_gone_with_all_its_execs() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let exec = user.exec(&job).await;
    let path = format!("/v1/jobs/{}", job["id"]);
    assert_eq!(delete(&user, &format!("{path}/")).await, 204);
    for gone in [
        path.clone(),
        format!("{path}/execs"),
        exec_path(&exec),
        format!("{}/logs", exec_path(&exec)),
    ] {
        assert_eq!(user.get(&gone).await.0, 404, "{gone}");
    }
    for post in [
        format!("{path}/execs"),
        format!("{}/cancel", exec_path(&exec)),
        format!("{}/rerun", exec_path(&exec)),
    ] {
        assert_eq!(user.post(&post, None).await.0, 404, "{post}");
    }
    assert_eq!(delete(&user, &path).await, 404);
    assert_eq!(delete(&user, &exec_path(&exec)).await, 404);
    let (_, list) = user.get("/v1/jobs").await;
    assert_eq!(list["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executors_are_told_of_every_exec_that_runs() {
    let vhost = Vhost::create().await;
    let listener = Process::for_test("listener");
    let bus = Bus::connect(vhost.config(), &listener).unwrap();
    let region = "north".to_owned();
    let mut hints = bus.hints(vec![HintBinding::Route(HintRoute::Cancel { region })]);
    hints.bound().wait_for(|bound| *bound).await.unwrap();
    let app = spawn_app_with(&[("ESCAPEMENT__BROKER__URL", vhost.url())]).await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let (ended, deleted) = (user.exec(&job).await, user.exec(&job).await);
    end(&app, &ended).await;
    assert_eq!(delete(&user, &exec_path(&ended)).await, 204);
    assert_eq!(delete(&user, &exec_path(&deleted)).await, 204);
    let exec_id_of = exec_id(&deleted);
    let expected = Hint::CancelRequested {
        exec_id: exec_id_of,
    };
    assert_eq!(
        hints.recv().await,
        Some(expected),
        "the ended one is not cancelled"
    );

    let open = [user.exec(&job).await, user.exec(&job).await];
    assert_eq!(delete(&user, &format!("/v1/jobs/{}", job["id"])).await, 204);
    let mut told = BTreeSet::new();
    for _ in &open {
        if let Some(Hint::CancelRequested { exec_id }) = hints.recv().await {
            told.insert(exec_id);
        }
    }
    assert_eq!(told, open.iter().map(exec_id).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_live_exec_is_left_of_a_deleted_job() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for _ in 0..5 {
        let job = user.job(json!({})).await;
        let path = format!("/v1/jobs/{}", job["id"]);
        let execs = format!("{path}/execs");
        let body = json!({ "command": "other" });
        let triggers = join_all((0..12).map(|n| {
            let body = (n % 2 == 0).then_some(&body);
            user.post(&execs, body)
        }));
        let deletions = join_all((0..3).map(|_| delete(&user, &path)));
        let (triggered, deleted) = tokio::join!(triggers, deletions);
        assert!(
            triggered
                .iter()
                .all(|(status, _)| [201, 404].contains(&status.as_u16()))
        );
        assert_eq!(deleted.iter().filter(|status| **status == 204).count(), 1);
        assert_eq!(deleted.iter().filter(|status| **status == 404).count(), 2);
    }
    app.database
        .execute(
            "DO $$ BEGIN
                ASSERT NOT EXISTS (SELECT FROM execs WHERE cancel_requested_at IS NULL);
                ASSERT NOT EXISTS (SELECT FROM schedules WHERE active);
            END $$",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_is_deleted_once_and_cancelled() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let exec = user.exec(&job).await;
    let path = exec_path(&exec);
    let deleted = join_all((0..4).map(|_| delete(&user, &path))).await;
    assert_eq!(deleted.iter().filter(|status| **status == 204).count(), 1);
    assert_eq!(deleted.iter().filter(|status| **status == 404).count(), 3);
    assert_eq!(user.post(&format!("{path}/cancel"), None).await.0, 404);
    assert_eq!(user.post(&format!("{path}/rerun"), None).await.0, 404);
    let mut conn = app
        .store(DatabaseRole::Executor)
        .connection()
        .await
        .unwrap();
    let id = exec_id(&exec);
    let tracked = store::lifecycle::load(&mut conn, &[id]).await.unwrap();
    assert!(
        tracked[0].cancel_requested_at.is_some(),
        "the executor still sees it"
    );
    let mut conn = app.store(DatabaseRole::Gateway).connection().await.unwrap();
    assert_eq!(execs::open_among(&mut conn, &[id]).await.unwrap(), []);
}
