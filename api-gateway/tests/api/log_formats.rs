//! The forms a log is sent in.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::json;
use shared_types::EventKind;

use crate::app::{exec_path, spawn_app};
use crate::logs::{RUN, line, print, tell};

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_text_gets_the_bytes() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    print(&app, &exec, 1, vec![line(2000, b"a\xffb"), line(2000, b"")]).await;
    tell(&app, &exec, &[(1, EventKind::Running, 1000, RUN)]).await;
    let path = format!("{}/logs", exec_path(&exec));
    for (accept, kind) in [
        ("text/plain", "text/plain; charset=utf-8"),
        (
            "application/json;q=0.5, text/*",
            "text/plain; charset=utf-8",
        ),
        ("*/*", "application/json"),
        ("text/html, application/xhtml+xml", "application/json"),
        ("application/json, text/plain", "application/json"),
    ] {
        let request = user.request(Method::GET, &path).header("Accept", accept);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
        let body = answer.bytes().await.unwrap();
        if kind.starts_with("text") {
            assert_eq!(body, [RUN.as_bytes(), b"\na\xffb\n\n"].concat());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_gzip_gets_the_same_in_less() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let lines: Vec<_> = (0..9_000)
        .map(|n| line(2000, format!("line {n}").as_bytes()))
        .collect();
    print(&app, &exec, 1, lines).await;
    let path = format!("{}/logs", exec_path(&exec));
    let fetch = async |accept: &str, encoding: &str| {
        let request = user.request(Method::GET, &path).header("Accept", accept);
        let request = request.header("Accept-Encoding", encoding);
        let answer = request.send().await.unwrap();
        let told = answer.headers().get("content-encoding").cloned();
        (told, answer.bytes().await.unwrap())
    };
    for accept in ["application/json", "text/plain"] {
        let (told, plain) = fetch(accept, "gzip;q=0").await;
        assert_eq!(told, None);
        let (told, compressed) = fetch(accept, "deflate, gzip").await;
        assert_eq!(told.unwrap(), "gzip");
        assert!(compressed.len() < plain.len() / 2, "{}", compressed.len());
        let mut unpacked = Vec::new();
        GzDecoder::new(&compressed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain);
    }
}
