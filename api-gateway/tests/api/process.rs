//! What only the running process shows: its log and its metrics.

use std::process::Stdio;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

use crate::app::{KEY, NO_BROKER};

/// A gateway as a process of its own; without a database, unless it is told of one.
pub(crate) struct Gateway {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) health: String,
    pub(crate) api: String,
}

impl Gateway {
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_api-gateway"))
            .env_clear()
            .env(
                "ESCAPEMENT__DATABASE__URL",
                "postgres://nobody@127.0.0.1:1/none",
            )
            .env("ESCAPEMENT__BROKER__URL", NO_BROKER)
            .env("ESCAPEMENT__SECRETS__KEYS", KEY)
            .env("ESCAPEMENT__API__LISTEN", "127.0.0.1:0")
            .env("ESCAPEMENT__HEALTH__LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let health = line(&mut log, "starting").await["health"].clone();
        let api = line(&mut log, "the API listens").await["address"].clone();
        Self {
            process,
            log,
            health: format!("http://{}", health.as_str().unwrap()),
            api: format!("http://{}", api.as_str().unwrap()),
        }
    }

    /// The most memory it has had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id().unwrap());
        let status = std::fs::read_to_string(path).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<u64>().unwrap() * 1024
    }

    async fn connect(&self) -> TcpStream {
        let address = self.api.strip_prefix("http://").unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    /// What its operators see of it.
    async fn metrics(&self) -> String {
        let metrics = reqwest::get(format!("{}/metrics", self.health)).await;
        metrics.unwrap().text().await.unwrap()
    }

    /// The next line of its log with this message.
    pub(crate) async fn said(&mut self, message: &str) -> Value {
        line(&mut self.log, message).await
    }
}

/// The next line of the log with this message.
async fn line(log: &mut Lines<BufReader<ChildStderr>>, message: &str) -> Value {
    loop {
        let line = log.next_line().await.unwrap().unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"] == message {
            break line;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_failure_is_logged_with_the_id_of_its_answer() {
    // Also when the log holds the worst only.
    for filter in ["info", "info,api_gateway::request=error"] {
        let mut gateway = Gateway::start(&[("ESCAPEMENT__LOG__FILTER", filter)]).await;
        let request = Client::new().get(format!("{}/v1/jobs", gateway.api));
        let response = request
            .header("x-request-id", "mine.1")
            .header("authorization", format!("Token {}", "a".repeat(40)))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["x-request-id"], "mine.1");
        let line = gateway.said("a request failed").await;
        assert_eq!(line["span"]["id"], "mine.1", "{line}");
        assert!(line["error"].is_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_limit() {
    let gateway = Gateway::start(&[
        ("ESCAPEMENT__LIMITS__ADDRESS__BURST", "1"),
        ("ESCAPEMENT__LIMITS__ADDRESS__EVERY", "1h"),
    ])
    .await;
    let client = Client::new();
    let get = async |url: String| client.get(url).send().await.unwrap();
    for status in [404, 429, 429] {
        assert_eq!(
            get(format!("{}/nowhere", gateway.api)).await.status(),
            status
        );
    }
    let metrics = gateway.metrics().await;
    let line = r#"escapement_limited_requests_total{limit="address"} 2"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_up_metrics() {
    let gateway = Gateway::start(&[]).await;
    let client = Client::new();
    for number in 0..20 {
        let method = format!("MADE{number}{}", "X".repeat(1000));
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/made/up/{number}", gateway.api);
        let answer = client.request(method, url).send().await.unwrap();
        assert_eq!(answer.status(), 404);
    }
    let metrics = gateway.metrics().await;
    let counted = metrics.lines().find(|line| {
        line.starts_with("escapement_http_request_duration_seconds_count{method=\"other\"")
    });
    assert!(counted.unwrap().ends_with(" 20"), "{counted:?}");
    assert!(!metrics.contains("made") && !metrics.contains("MADE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_counted_by_their_cause() {
    let gateway = Gateway::start(&[("ESCAPEMENT__API__HEADER_TIMEOUT", "200ms")]).await;
    for _ in 0..2 {
        let mut stream = gateway.connect().await;
        stream.write_all(b"no HTTP\r\n\r\n").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    // A first head that is late is answered, with 408; a second one is not.
    let mut stream = gateway.connect().await;
    let head = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n";
    stream
        .write_all(&[head, &b"\r\n"[..]].concat())
        .await
        .unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();
    stream.write_all(head).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let metrics = gateway.metrics().await;
    for (cause, count) in [("malformed", 2), ("slow", 1)] {
        let line = format!("escapement_connections_broken_total{{cause=\"{cause}\"}} {count}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}
