//! What every request is held to, whatever it asks for: how a body may be sent,
//! what it may cost, and that `HEAD` answers as `GET` does.

use std::io::Write as _;
use std::time::Duration;

use api_gateway::routes::ROUTES;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::app::{exec_path, read, spawn_app};
use crate::process::Gateway;
use crate::wire::{JOB, connect, exchange};

const LOGIN: &str = "/v1/generate-api-token";

/// How much more memory requests may leave a gateway with than it had at its peak.
const ROOM: u64 = 20 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_would_have_to_be_decoded_is_refused_on_every_route() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    for (method, path, _) in ROUTES {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
        for encoding in ["gzip", "br", "identity, gzip", ""] {
            let request = user.request(method.clone(), path);
            let request = request.header("content-encoding", encoding).body("{}");
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["accept-encoding"], "identity");
            let (status, problem) = read(response).await;
            assert_eq!(status, 415, "{method} {path} {encoding}: {problem}");
            assert_eq!(
                problem["detail"],
                "send the body as it is, without Content-Encoding"
            );
        }
    }
    let plain = user.request(Method::POST, "/v1/jobs");
    let plain = plain.header("content-encoding", "Identity");
    let plain = plain.header("content-type", "application/json").body(JOB);
    assert_eq!(plain.send().await.unwrap().status(), 201);
}

/// Sends the same request 20 times at once, without a token, to a gateway of its
/// own. Returns the answers' statuses and by how much its peak memory has risen.
async fn flood(request: impl Fn(&Client, String) -> RequestBuilder) -> (Vec<u16>, u64) {
    let gateway = Gateway::start(&[("ESCAPEMENT__LIMITS__LOGIN__BURST", "0")]).await;
    let client = Client::new();
    let send = || async {
        let request = request(&client, format!("{}{LOGIN}", gateway.api));
        request.send().await.unwrap().status().as_u16()
    };
    send().await;
    let before = gateway.peak_memory();
    let statuses = join_all((0..20).map(|_| send())).await;
    (statuses, gateway.peak_memory() - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_inflates_to_a_large_one_takes_no_memory() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..128 {
        bomb.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024);
    let (statuses, risen) = flood(|client, url| {
        let request = client.post(url).header("content-encoding", "gzip");
        request
            .header("content-type", "application/json")
            .body(bomb.clone())
    })
    .await;
    assert_eq!(statuses, [415; 20]);
    assert!(risen < ROOM, "{risen} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_many_small_parts_takes_no_memory() {
    let numbers = || (0..80_000).map(|number| number.to_string());
    let form: Vec<_> = numbers().collect();
    let object: Vec<_> = numbers().map(|name| format!("\"{name}\":0")).collect();
    for (kind, body) in [
        ("application/x-www-form-urlencoded", form.join("&")),
        ("application/json", format!("{{{}}}", object.join(","))),
    ] {
        assert!(body.len() < 1024 * 1024, "less than any other route allows");
        let (statuses, risen) = flood(|client, url| {
            let request = client.post(url).header("content-type", kind);
            request.body(body.clone())
        })
        .await;
        assert_eq!(statuses, [413; 20], "{kind}");
        assert!(risen < ROOM, "{kind}: {risen} bytes");
    }
}

/// Closed at once, its connection would be reset, which can throw the answer away.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_early_may_send_to_the_end() {
    let app = spawn_app().await;
    let body = vec![b'x'; 1_000_000];
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = connect(&app).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..20_000]).await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 413 "));
    for part in body[20_000..].chunks(20_000) {
        stream.write_all(part).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let rest = timeout(Duration::from_secs(10), stream.read_to_end(&mut Vec::new())).await;
    rest.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_as_get_does() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let exec = exec_path(&user.exec(&job).await);
    let mut paths: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.0 == "get")
        .map(|route| route.1)
        .map(|path| path.replace("/v1/jobs/{job}/execs/{exec}", &exec))
        .map(|path| path.replace("{job}", &job["id"].to_string()))
        .map(|path| path.replace("{namespace}", "me"))
        .map(|path| path.replace("{file}", "swagger-ui.css"))
        .collect();
    paths.extend([format!("{exec}/logs/"), "/v1/nowhere".to_owned()]);
    for path in &paths {
        let get = user.request(Method::GET, path).send().await.unwrap();
        let head = user.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        assert_ne!(head.status(), 405, "{path}");
        for name in [CONTENT_TYPE, CONTENT_LENGTH] {
            let (head, get) = (head.headers().get(&name), get.headers().get(&name));
            assert_eq!(head, get, "{path}: {name}");
        }
    }
    let nobody = app.client.head(app.url("/v1/jobs")).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    let login = app.client.head(app.url(LOGIN)).send().await.unwrap();
    assert_eq!(login.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_no_body() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = exec_path(&user.exec(&user.job(json!({})).await).await);
    for path in [
        "/v1/jobs".to_owned(),
        format!("{exec}/logs"),
        "/v1/jobs/0".to_owned(),
    ] {
        let request = format!(
            "HEAD {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {}\r\n\
             Connection: close\r\n\r\n",
            user.token
        );
        let answer = exchange(&app, request.as_bytes()).await;
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_begin_with_a_byte_order_mark() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let send = async |body: String| {
        let request = user.request(Method::POST, "/v1/jobs");
        let request = request.header("content-type", "application/json");
        read(request.body(body).send().await.unwrap()).await
    };
    assert_eq!(send(format!("\u{feff}{JOB}")).await.0, 201);
    assert_eq!(send(format!("\u{feff}\u{feff}{JOB}")).await.0, 400);
}
