//! Asking for an exec and being answered when it has ended.

use std::time::{Duration, Instant};

use api_gateway::execs::waiting::Waiting;
use api_gateway::request::places::Rooms;
use bus::testing::Vhost;
use bus::{Bus, HintBinding, HintRoute};
use chassis::Process;
use reqwest::Method;
use serde_json::json;
use shared_types::message::Hint;
use store::DatabaseRole;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::app::{User, exec_path, spawn_app, spawn_app_with};
use crate::ending::{end, exec_id};
use crate::wire::connect;

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
async fn an_account_cannot_take_all_places() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__WAITING_PER_ACCOUNT", "2")]).await;
    let (one, other) = (app.user("one").await, app.user("other").await);
    let path = async |user: &User<'_>, wait| {
        let exec = user.exec(&user.job(json!({})).await).await;
        format!("{}?wait={wait}s", exec_path(&exec))
    };
    let (long, short) = (path(&one, 60).await, path(&other, 1).await);
    let head = format!("GET {long} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ");
    let request = format!("{head}{}\r\n\r\n", one.token);
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let (mut stream, request) = (connect(&app).await, request.clone());
        waiting.spawn(async move {
            let mut answer = [0; 4096];
            // Refused if the one below is in: then again, until there is a place.
            loop {
                stream.write_all(request.as_bytes()).await.unwrap();
                let _ = stream.read(&mut answer).await.unwrap();
            }
        });
    }
    let refused = loop {
        let (status, answer) = one.get(&long.replace("60s", "1s")).await;
        if status == 429 {
            break answer;
        }
    };
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("requests of this account that wait"),
        "{detail}"
    );
    assert_eq!(other.get(&short).await.0, 200, "there is room for others");
    // Who hangs up has its place no longer, whatever it asked for.
    waiting.shutdown().await;
    let begun = Instant::now();
    while one.get(&long.replace("60s", "1s")).await.0 == 429 {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
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
    let waiting = Waiting::new(Rooms { all: 2, account: 2 });
    let stopping = process.tasks.stopping();
    let serving = waiting
        .clone()
        .serve(app.store(DatabaseRole::Gateway), (hints, NEVER), stopping);
    process.tasks.spawn("waiting", serving);

    end(&app, &other).await;
    let mut waiter = waiting.join(1, exec_id(&exec)).unwrap();
    let mut ended = waiting.join(2, exec_id(&other)).unwrap();
    assert!(
        waiting.join(3, exec_id(&exec)).is_err(),
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
        waiting.join(3, exec_id(&exec)).is_ok(),
        "a place is given back"
    );
    assert!(process.drain(NEVER, NEVER).await);
}
