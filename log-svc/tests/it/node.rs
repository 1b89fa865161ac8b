//! The log endpoint, as a kubelet answers it and as connections spoil it.

use std::collections::HashMap;
use std::io;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::container::{Container, Fault, File};
use crate::server::{chunk, open_chunked, refuse};

/// What a kubelet adds to the lines so far, and ends with, when its user has too many
/// inotify instances.
const UNWATCHABLE: &[u8] = b"failed to create fsnotify watcher: too many open files";

/// One answer: as the kubelet gives it: whole file first, then what is added; a follow ends
/// when the container has.
pub(crate) async fn log(
    socket: &mut TcpStream,
    container: &Container,
    query: &HashMap<String, String>,
) -> io::Result<()> {
    assert_eq!(query["timestamps"], "true");
    assert_eq!(query["container"], "main");
    let follow = query.get("follow").is_some_and(|follow| follow == "true");
    let since = query.get("sinceTime").map(|since| {
        assert_eq!(
            since.len(),
            "2026-11-23T14:00:00Z".len(),
            "whole seconds: {since}"
        );
        DateTime::parse_from_rfc3339(since).unwrap().to_utc()
    });
    let cut = match container.next_fault() {
        Some(Fault::Refuse(code)) => return refuse(socket, code).await,
        Some(Fault::Text(text)) => {
            open_chunked(socket).await?;
            chunk(socket, text.as_bytes()).await?;
            return socket.write_all(b"0\r\n\r\n").await;
        }
        Some(Fault::Cut { after, clean }) => Some((after, clean)),
        None => None,
    };
    open_chunked(socket).await?;
    let file = container.watch();
    send(socket, file, (since, follow), cut).await
}

async fn send(
    socket: &mut TcpStream,
    mut file: watch::Receiver<File>,
    (since, follow): (Option<DateTime<Utc>>, bool),
    mut cut: Option<(usize, bool)>,
) -> io::Result<()> {
    let mut sent = 0;
    loop {
        let now = file.borrow_and_update().clone();
        let bytes = now.rendered(sent, since);
        sent = now.lines.len();
        if let Some((after, clean)) = &mut cut {
            if bytes.len() >= *after {
                if *after > 0 {
                    chunk(socket, &bytes[..*after]).await?;
                }
                let end: &[u8] = if *clean { b"0\r\n\r\n" } else { b"ff\r\n" };
                return socket.write_all(end).await;
            }
            *after -= bytes.len();
        }
        if !bytes.is_empty() {
            chunk(socket, &bytes).await?;
        }
        if follow && now.unwatchable && !now.ended {
            chunk(socket, UNWATCHABLE).await?;
            return socket.write_all(b"0\r\n\r\n").await;
        }
        if !follow || now.ended {
            return socket.write_all(b"0\r\n\r\n").await;
        }
        // Whoever reads may leave meanwhile.
        let mut nothing = [0; 1];
        tokio::select! {
            changed = file.changed() => changed.unwrap(),
            _ = socket.read(&mut nothing) => return Ok(()),
        }
    }
}
