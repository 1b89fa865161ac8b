//! Clients that are slow or send too much, and requests that take too long.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{exec_path, read, spawn_app, spawn_app_with};
use crate::ending::end;
use crate::wire::{connect, exchange, post_head};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_waited_for_so_long() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__BODY_TIMEOUT", "200ms")]).await;
    let user = app.user("me").await;
    let begun = format!("{}{{", post_head(&user.token, 100));
    let answer = exchange(&app, begun.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("urn:escapement:problem:request-timeout"));
    let head = answer.to_lowercase();
    for header in [
        "content-type: application/problem+json",
        "connection: close",
        "x-request-id: ",
    ] {
        assert!(head.contains(header), "{header}: {answer}");
    }
    assert_eq!(app.database.rows("jobs").await, 0);
}

/// What cannot be read as HTTP is answered by the server under the gateway:
/// the right status, nothing else, and the end of the connection.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_gets_a_bare_status() {
    let app = spawn_app().await;
    let head = "GET /v1/jobs HTTP/1.1\r\nHost: x\r\n";
    let longest = 128 * 1024 - head.len() - "X: ".len();
    let many = "X: 1\r\n".repeat(100);
    for (status, request) in [
        (431, format!("{head}X: {}", "x".repeat(longest))),
        (431, format!("{head}{many}\r\n")),
        (400, "GET /\u{0} HTTP/1.1\r\n\r\n".to_owned()),
        (400, format!("{head}Content-Length: many\r\n\r\n")),
    ] {
        let answer = exchange(&app, request.as_bytes()).await;
        assert_bare(&answer, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_is_waited_for_so_long() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__HEADER_TIMEOUT", "200ms")]).await;
    let answer = exchange(&app, b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\n").await;
    assert_bare(&answer, 408);
}

/// One byte of a head after the other, until the gateway closes the connection.
async fn trickle(stream: &mut TcpStream) {
    loop {
        let mut rest = [0; 64];
        tokio::select! {
            read = stream.read(&mut rest) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => panic!("there is nothing to answer"),
            },
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        if stream.write_all(b"a").await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_every_request_is_waited_for_so_long() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__HEADER_TIMEOUT", "500ms")]).await;
    let whole = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = connect(&app).await;
    for _ in 0..2 {
        stream.write_all(whole.as_bytes()).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 404 "));
        // A client may be silent between its requests.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let begun = Instant::now();
    stream
        .write_all(b"GET /nowhere HTTP/1.1\r\nX: ")
        .await
        .unwrap();
    trickle(&mut stream).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_a_head_that_came_too_early_is_not_kept_for_ever() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__API__HEADER_TIMEOUT", "300ms"),
        ("ESCAPEMENT__API__KEEP_ALIVE", "1s"),
    ])
    .await;
    let whole = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let two = format!("{whole}GET /nowhere HTTP/1.1\r\nX: ");
    let answer = timeout(Duration::from_secs(10), exchange(&app, two.as_bytes())).await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 404 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__CONNECTIONS_PER_ADDRESS", "2")]).await;
    let request = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let ask = async || {
        let mut stream = connect(&app).await;
        // It may be closed before it has been written to.
        let _ = stream.write_all(request).await;
        let answer = answer(&mut stream).await;
        (stream, answer)
    };
    let (first, second) = (ask().await, ask().await);
    for (_, answer) in [&first, &second] {
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    assert_eq!(ask().await.1, "", "a third one is closed");
    drop(second);
    let begun = Instant::now();
    while ask().await.1.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

/// What the gateway says next on this connection; nothing if it is closed.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    let length = stream.read(&mut bytes).await.unwrap_or(0);
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

fn assert_bare(answer: &str, status: u16) {
    let expected = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&expected), "{status}: {answer}");
    assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__KEEP_ALIVE", "1s")]).await;
    let answer = exchange(&app, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_given_up() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__REQUEST_TIMEOUT", "500ms")]).await;
    let user = app.user("me").await;
    let blocker = app.database.lock("jobs").await;
    let response = user.send(Method::GET, "/v1/jobs", None).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let id = response.headers()["x-request-id"].clone();
    let (status, problem) = read(response).await;
    assert_eq!(status, 503);
    assert_eq!(problem["type"], "urn:escapement:problem:took-too-long");
    assert_eq!(problem["request_id"], id.to_str().unwrap());
    drop(blocker);
    assert_eq!(user.get("/v1/jobs").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_asks_to_wait_is_given_the_time() {
    let app = spawn_app_with(&[("ESCAPEMENT__API__REQUEST_TIMEOUT", "500ms")]).await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    // So that it is answered as soon as it is found.
    end(&app, &exec).await;
    let exec = exec_path(&exec);
    let blocker = app.database.lock("jobs").await;
    let [wait, slash, other, too_long] = [
        format!("{exec}?wait=30s"),
        format!("{exec}/?wait=30s"),
        "/v1/jobs?wait=30s".to_owned(),
        exec.clone(),
    ];
    let does_not = async {
        let to_delete = format!("{exec}?wait=30s");
        let (listed, read, deleted) = tokio::join!(
            user.get(&other),
            user.get(&too_long),
            user.send(Method::DELETE, &to_delete, None)
        );
        drop(blocker);
        [listed.0, read.0, deleted.status()]
    };
    let (waited, with_slash, gave_up) = tokio::join!(user.get(&wait), user.get(&slash), does_not);
    assert_eq!([waited.0, with_slash.0], [200; 2]);
    assert_eq!(gave_up, [503; 3], "nothing else waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_a_free_one() {
    let app = spawn_app_with(&[
        ("ESCAPEMENT__API__MAX_CONNECTIONS", "1"),
        ("ESCAPEMENT__API__HEADER_TIMEOUT", "2s"),
    ])
    .await;
    let mut idle = connect(&app).await;
    let answer = exchange(
        &app,
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let mut first = String::new();
    idle.read_to_string(&mut first).await.unwrap();
    assert!(first.starts_with("HTTP/1.1 408 "), "the idle one made room");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_that_it_is_what_it_says_and_not_to_be_stored() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for path in ["/v1/jobs", "/v1/nowhere", "/v1/jobs/1", "/nowhere"] {
        let response = user.send(Method::GET, path, None).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let stored = response.headers().get("cache-control");
        assert_eq!(
            stored.is_some_and(|value| value == "no-store"),
            path.starts_with("/v1")
        );
    }
}
