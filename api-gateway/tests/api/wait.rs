//! Asking for an exec and being answered when it has ended.

use std::time::{Duration, Instant};

use api_gateway::waiting::Waiting;
use bus::testing::Vhost;
use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use reqwest::Method;
use serde_json::json;
use shared_types::message::Hint;
use store::Role;

use crate::app::{exec_path, spawn_app, spawn_app_with};
use crate::ending::{end, exec_id};

/// Longer than any test: what comes earlier did not wait for it.
const NEVER: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_when_the_exec_ends_with_the_broker_away() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let (first, second) = (user.exec(&job).await, user.exec(&job).await);
    let wait = |exec| format!("{}?wait=60s", exec_path(exec));
    let began = Instant::now();
    let ended = async {
        end(&app, &first).await;
        let deleted = user.send(Method::DELETE, &exec_path(&second), None).await;
        assert_eq!(deleted.status(), 204);
    };
    let (first_path, second_path) = (wait(&first), wait(&second));
    let (found, same, gone, ()) = tokio::join!(
        user.get(&first_path),
        user.get(&first_path),
        user.get(&second_path),
        ended
    );
    assert_eq!((found.0.as_u16(), &found.1["status"]), (200, &json!("C")));
    assert_eq!(same, found);
    assert_eq!(gone.0, 404, "a deleted exec is not waited for");
    let (_, again) = user.get(&first_path).await;
    assert_eq!(again["status"], "C", "what has ended is answered at once");
    assert!(
        began.elapsed() < Duration::from_secs(55),
        "not when the time was up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_with_the_exec_as_it_is_when_the_time_is_up() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let (status, shown) = user.get(&format!("{}?wait=1", exec_path(&exec))).await;
    assert_eq!((status.as_u16(), &shown["status"]), (200, &json!("W")));
    for wait in ["0", "61s", "x", "1.5"] {
        let (status, problem) = user.get(&format!("{}?wait={wait}", exec_path(&exec))).await;
        assert_eq!(
            (status.as_u16(), &problem["errors"][0]["field"]),
            (400, &json!("wait"))
        );
    }
    let stranger = app.user("stranger").await;
    let (status, _) = stranger
        .get(&format!("{}?wait=60s", exec_path(&exec)))
        .await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_room_to_wait_is_told_to_come_back() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__WAITING", "1")]).await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}?wait=2s", exec_path(&exec));
    let ask = || user.send(Method::GET, &path, None);
    let (one, other) = tokio::join!(ask(), ask());
    let (found, refused) = if one.status() == 200 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(
        (found.status().as_u16(), refused.status().as_u16()),
        (200, 429)
    );
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(ask().await.status(), 200, "the place is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_those_who_wait() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}?wait=60s", exec_path(&exec));
    let grace = Duration::from_secs(30);
    let stop = async {
        // It waits once a second wait, begun after it, has come to its end.
        user.get(&format!("{}?wait=1s", exec_path(&exec))).await;
        assert!(app.process.drain(grace, grace).await);
    };
    let ((status, shown), ()) = tokio::join!(user.get(&path), stop);
    assert_eq!((status.as_u16(), &shown["status"]), (200, &json!("W")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_wakes_who_waits_for_its_exec_only() {
    let vhost = Vhost::create().await;
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let (exec, other) = (user.exec(&job).await, user.exec(&job).await);
    let process = Process::for_test("waiting");
    let bus = Bus::connect(vhost.config(), &process).unwrap();
    let hints = bus.hints(vec![HintBinding::AnyExecChanged]);
    hints.bound().wait_for(|bound| *bound).await.unwrap();
    let waiting = Waiting::new(2);
    let stopping = process.tasks.stopping();
    let serving = waiting
        .clone()
        .serve(app.store(Role::Gateway), (hints, NEVER), stopping);
    process.tasks.spawn("waiting", serving);

    end(&app, &other).await;
    let mut waiter = waiting.join(exec_id(&exec)).unwrap();
    let mut ended = waiting.join(exec_id(&other)).unwrap();
    assert!(
        waiting.join(exec_id(&exec)).is_none(),
        "there is room for two"
    );
    // Looked up with the first or after it, which was seen open by then.
    ended.ended().await;
    end(&app, &exec).await;
    let route = HintRoute::ExecChanged {
        namespace: "me".to_owned(),
    };
    let hint = Hint::ExecChanged {
        exec_id: exec_id(&exec),
    };
    let _ = bus.publisher().hint(&hint, &route);
    waiter.ended().await;
    drop(waiter);
    assert!(
        waiting.join(exec_id(&exec)).is_some(),
        "a place is given back"
    );
    assert!(process.drain(NEVER, NEVER).await);
}
