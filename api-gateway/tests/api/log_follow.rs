//! Following a log: server-sent events until the exec ends, and again after a cut.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared_types::EventKind;
use store::DatabaseRole;
use store::logs::Verdict;
use tokio::time::timeout;

use crate::app::{User, exec_path, read, spawn_app, spawn_app_with};
use crate::log_completeness::{end, store_and_seal};
use crate::logs::{line, print, tell};
use crate::shape::{LINE, assert_shape};

const PATIENCE: Duration = Duration::from_secs(20);

/// An event: its type, id and data.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    kind: String,
    id: String,
    data: Value,
}

impl Event {
    fn message(&self) -> &str {
        self.data["message"].as_str().unwrap()
    }
}

/// A client that follows.
struct Following {
    answer: Response,
    received: Vec<u8>,
}

impl Following {
    async fn start(user: &User<'_>, path: &str, last: Option<&str>) -> Self {
        let mut request = user.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            answer,
            received: Vec::new(),
        }
    }

    /// The next event with data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(length) = self.received.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.received.drain(..length + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let field = |name: &str| {
                    let values = event.lines().filter_map(|line| line.split_once(": "));
                    values
                        .filter(|(found, _)| *found == name)
                        .map(|(_, value)| value)
                        .next_back()
                };
                let Some(data) = field("data") else {
                    continue;
                };
                return Some(Event {
                    kind: field("event").unwrap_or("message").to_owned(),
                    id: field("id").unwrap().to_owned(),
                    data: serde_json::from_str(data).unwrap(),
                });
            }
            let more = timeout(PATIENCE, self.answer.chunk());
            let more = more.await.unwrap().unwrap()?;
            self.received.extend(more);
        }
    }

    async fn messages(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let event = self.next().await.unwrap();
            assert_eq!(event.kind, "message");
            assert_shape(&event.data, LINE);
            events.push(event);
        }
        events
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn texts(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_as_they_are_stored_until_the_exec_ends() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/logs?follow=true", exec_path(&exec));
    let mut following = Following::start(&user, &path, None).await;
    tell(&app, &exec, &[(1, EventKind::Pulling, 0, "pulling")]).await;
    let mut seen = following.messages(1).await;
    // Read before the start is told: that is told late, and not lost.
    print(&app, &exec, 1, vec![line(10, b"one")]).await;
    seen.extend(following.messages(1).await);
    tell(&app, &exec, &[(1, EventKind::Running, 5, "running")]).await;
    seen.extend(following.messages(1).await);
    print(&app, &exec, 1, vec![line(20, b"two"), line(20, b"two")]).await;
    seen.extend(following.messages(2).await);
    assert_eq!(texts(&seen), ["pulling", "one", "running", "two", "two"]);

    // The end is recorded before the last line is stored, and reads after it.
    end(&app, &exec, true).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    store_and_seal(&mut conn, &exec, Verdict::Complete)
        .await
        .unwrap();
    let mut rest = following.rest().await;
    let last = rest.pop().unwrap();
    assert_eq!(texts(&rest), ["last", "Cancelled."]);
    assert_eq!((last.kind.as_str(), last.id.as_str()), ("end", "end"));
    assert_eq!(
        (&last.data["status"], &last.data["id"]),
        (&json!("C"), &exec["id"])
    );
    seen.extend(rest);

    // Whoever was cut off gets the rest and nothing twice, wherever that was.
    for (index, event) in seen.iter().enumerate() {
        let again = Following::start(&user, &path, Some(&event.id)).await;
        let mut events = again.rest().await;
        assert_eq!(events.pop(), Some(last.clone()));
        let mut expected = texts(&seen[index + 1..]);
        if index == 1 {
            // What was late is in its place by now.
            assert_eq!(expected[0], "running");
        }
        expected.sort_unstable();
        let mut found = texts(&events);
        found.sort_unstable();
        assert_eq!(found, expected, "after {event:?}");
    }
    let request = user
        .request(Method::GET, &path)
        .header("Last-Event-ID", "end");
    assert_eq!(request.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_followed_can_be_chosen() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/logs?follow=true&platform=false", exec_path(&exec));
    tell(&app, &exec, &[(1, EventKind::Running, 5, "running")]).await;
    let printed = ["hay", "needle 1", "hay"].map(|text| line(20, text.as_bytes()));
    print(&app, &exec, 1, printed.to_vec()).await;
    let mut sought = Following::start(&user, &format!("{path}&q=needle"), None).await;
    let mut tail = Following::start(&user, &format!("{path}&tail=1"), None).await;
    assert_eq!(texts(&sought.messages(1).await), ["needle 1"]);
    assert_eq!(texts(&tail.messages(1).await), ["hay"]);
    print(
        &app,
        &exec,
        1,
        vec![line(30, b"needle 2"), line(30, b"hay")],
    )
    .await;
    assert_eq!(texts(&sought.messages(1).await), ["needle 2"]);
    assert_eq!(texts(&tail.messages(2).await), ["needle 2", "hay"]);
    let answer = user
        .request(Method::GET, &path)
        .header("Last-Event-ID", "x");
    let (status, problem) = read(answer.send().await.unwrap()).await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["errors"][0]["field"], "Last-Event-ID");
    let (status, problem) = user.get(&format!("{path}&attempt=9")).await;
    assert_eq!(status, 404, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_log_still_sends_something() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/logs?follow=true", exec_path(&exec));
    let mut following = Following::start(&user, &path, None).await;
    let sent = timeout(PATIENCE, async {
        let mut sent = Vec::new();
        while !sent.ends_with(b"id: 0.0.0\n\n") {
            sent.extend(following.answer.chunk().await.unwrap().unwrap());
        }
        sent
    });
    assert_eq!(sent.await.unwrap(), b"retry: 1000\n\nid: 0.0.0\n\n");
}

/// A log without an end: a client that comes again finds out, here or at another replica.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_exec_and_a_stop_end_the_stream() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let (deleted, kept) = (user.exec(&job).await, user.exec(&job).await);
    let path = |exec| format!("{}/logs?follow=true", exec_path(exec));
    let first = Following::start(&user, &path(&deleted), None).await;
    let second = Following::start(&user, &path(&kept), None).await;
    let answer = user.send(Method::DELETE, &exec_path(&deleted), None).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(first.rest().await, []);
    assert_eq!(user.get(&path(&deleted)).await.0, 404);
    let stop = app.process.drain(PATIENCE, PATIENCE);
    let (rest, stopped) = tokio::join!(second.rest(), stop);
    assert_eq!((rest, stopped), (vec![], true));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_all_the_room() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__FOLLOWERS_PER_ACCOUNT", "1")]).await;
    let (user, other) = (app.user("me").await, app.user("you").await);
    let exec = user.exec(&user.job(json!({})).await).await;
    let path = format!("{}/logs?follow=true", exec_path(&exec));
    let first = Following::start(&user, &path, None).await;
    let refused = user.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let own = other.exec(&other.job(json!({})).await).await;
    let own = format!("{}/logs?follow=true", exec_path(&own));
    Following::start(&other, &own, None).await;
    drop(first);
    // Its place is free once the gateway writes and finds nobody.
    tell(&app, &exec, &[(1, EventKind::Running, 5, "running")]).await;
    let free = async {
        while user
            .request(Method::GET, &path)
            .send()
            .await
            .unwrap()
            .status()
            == 429
        {}
    };
    timeout(PATIENCE, free).await.unwrap();
}
