//! An append-only count of program starts, kept outside the system under
//! test: each program reports its own start over HTTP before it does anything.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Counts starts; stops listening when dropped.
#[derive(Debug)]
pub struct StartCounter {
    port: u16,
    starts: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl StartCounter {
    /// Listens on a free port that pods can reach through their bridge.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("0.0.0.0:0").await?;
        let port = listener.local_addr()?.port();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&starts);
        #[expect(
            clippy::disallowed_methods,
            reason = "aborted when the counter is dropped"
        )]
        let server = tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                if let Ok(path) = answer(peer).await {
                    record
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(path);
                }
            }
        });
        Ok(Self {
            port,
            starts,
            server,
        })
    }

    /// Shell words with which a program reports its start as `name`; the pod's
    /// default route leads to this machine.
    pub fn report(&self, name: &str) -> String {
        let host = "$(ip route | awk '\\''/^default/ {print $3}'\\'')";
        format!("wget -q -O /dev/null http://{host}:{}/{name}", self.port)
    }

    /// How often `name` was reported.
    pub fn starts_of(&self, name: &str) -> usize {
        self.count(|start| start == name)
    }

    /// How many were reported under a name that begins so.
    pub fn starts_with(&self, prefix: &str) -> usize {
        self.count(|start| start.starts_with(prefix))
    }

    /// Shell words by which a program reports `word` and itself, again and again until
    /// that is answered.
    pub fn insist(&self, word: &str) -> String {
        let report = self.report(&format!("{word}/$(hostname)"));
        format!("until timeout 3 {report}; do sleep 0.1; done")
    }

    /// How many programs had insisted on `begin` and not yet on `end`: at most at a time,
    /// and in all.
    pub fn at_once(&self, begin: &str, end: &str) -> (usize, usize) {
        let starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut all, mut running, mut most) = (HashSet::new(), HashSet::new(), 0);
        for path in starts.iter() {
            match path.trim_start_matches('/').split_once('/') {
                Some((word, who)) if word == begin && all.insert(who) => running.insert(who),
                Some((word, who)) if word == end => running.remove(who),
                _ => false,
            };
            most = most.max(running.len());
        }
        (most, all.len())
    }

    fn count(&self, counts: impl Fn(&str) -> bool) -> usize {
        let starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |path: &String| counts(path.trim_start_matches('/'));
        starts.iter().filter(|path| name(path)).count()
    }
}

impl Drop for StartCounter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Reads one request's path and answers it; recorded before the answer could
/// be lost, so a retried report would be counted and seen.
async fn answer(mut peer: TcpStream) -> Result<String> {
    let mut request = Vec::new();
    // All of it: closed on something unread, the peer would see a reset and not the answer.
    while !request.ends_with(b"\r\n\r\n") && request.len() < 1024 {
        if peer.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request);
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .await?;
    Ok(path)
}
