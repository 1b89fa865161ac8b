//! One trace an exec, from its caller's request to the seal of its log, as a collector
//! is sent it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use e2e::Client;
use e2e::client::Exec;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::ring::{self, LIMIT, TestRing, eventually};

const ENDPOINT: &str = "ESCAPEMENT__TRACES__ENDPOINT";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

const REQUEST: &str = "POST /v1/jobs/{job}/execs";
/// Each span, and what it is a part of.
const SPANS: [(&str, &str); 8] = [
    (REQUEST, CALLER),
    ("exec", REQUEST),
    ("queue", "exec"),
    ("attempt", "exec"),
    ("create", "attempt"),
    ("start", "attempt"),
    ("run", "attempt"),
    ("log", "attempt"),
];
/// Prints where it is in a trace.
const PROGRAM: &str = "sh -c 'echo $TRACEPARENT'";

#[tokio::test]
async fn an_exec_is_one_trace_from_its_callers_request_to_its_sealed_log() {
    let (collector, ring) = start().await;
    let client = ring.client().await;
    let exec = run_traced(&client, "01").await;
    eventually("all spans are sent", async || {
        collector.of(TRACE).len() >= SPANS.len()
    })
    .await;
    let spans = collector.of(TRACE);
    let parent = |span: &Span| {
        let mut others = spans.iter();
        let parent = others.find(|other| other.span_id == span.parent_span_id);
        parent.map_or_else(|| hex(&span.parent_span_id), |parent| parent.name.clone())
    };
    let seen = spans.iter().map(|span| (span.name.clone(), parent(span)));
    let wanted = SPANS.map(|(name, parent)| (name.to_owned(), parent.to_owned()));
    assert_eq!(seen.collect::<BTreeSet<_>>(), BTreeSet::from(wanted));
    assert_eq!(spans.len(), SPANS.len(), "each once: {spans:#?}");
    let run = spans.iter().find(|span| span.name == "run").unwrap();
    let told = format!("00-{TRACE}-{}-01", hex(&run.span_id));
    let log = client.log(&exec).await.unwrap();
    assert!(log.contains(&told), "{told} in {log:?}");
}

#[tokio::test]
async fn a_trace_that_nobody_records_is_handed_on_and_not_sent() {
    let (collector, ring) = start().await;
    let client = ring.client().await;
    let exec = run_traced(&client, "00").await;
    let log = client.log(&exec).await.unwrap();
    let trace = format!("00-{TRACE}-");
    let is_told = |line: &String| line.starts_with(&trace) && line.ends_with("-00");
    assert!(log.iter().any(is_told), "{log:?}");
    // The spans of a later one have come, so nothing of this is on its way.
    let later = client.run("true").await.unwrap();
    client.wait(&later, "S", LIMIT).await.unwrap();
    let of_later = async || collector.names_exec(&later.id);
    eventually("a later exec's spans are sent", of_later).await;
    assert_eq!(collector.of(TRACE), []);
}

async fn start() -> (Collector, TestRing) {
    let collector = Collector::listen().await;
    let ring = ring::start_all_told((ENDPOINT, &collector.endpoint)).await;
    (collector, ring)
}

/// Runs the program as a part of the caller's trace, with these flags of it.
async fn run_traced(client: &Client, flags: &str) -> Exec {
    let job = client.create_job(PROGRAM, json!({})).await.unwrap();
    let traceparent = format!("00-{TRACE}-{CALLER}-{flags}");
    let exec = client.trigger_traced(job, &traceparent).await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    exec
}

/// Takes what services send to an OpenTelemetry collector.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
    _server: JoinSet<()>,
}

impl Collector {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut server) = (spans.clone(), JoinSet::new());
        server.spawn(async move {
            let mut peers = JoinSet::new();
            while let Ok((peer, _)) = listener.accept().await {
                peers.spawn(take(peer, kept.clone()));
            }
        });
        Self {
            endpoint,
            spans,
            _server: server,
        }
    }

    /// The spans of a trace so far.
    fn of(&self, trace: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        spans
            .iter()
            .filter(|span| hex(&span.trace_id) == trace)
            .cloned()
            .collect()
    }

    fn names_exec(&self, id: &str) -> bool {
        let spans = self.spans.lock().unwrap();
        let mut attributes = spans.iter().flat_map(|span| &span.attributes);
        attributes.any(|attribute| {
            attribute.key == "escapement.exec.id" && format!("{attribute:?}").contains(id)
        })
    }
}

/// One request after another, as an exporter keeps its connection.
async fn take(peer: TcpStream, spans: Arc<Mutex<Vec<Span>>>) {
    let mut peer = BufReader::new(peer);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while peer.read_line(&mut line).await.is_ok_and(|read| read > 0) && line != "\r\n" {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if length == 0 || peer.read_exact(&mut body).await.is_err() {
            return;
        }
        let sent = ExportTraceServiceRequest::decode(&*body).unwrap();
        let scopes = sent
            .resource_spans
            .into_iter()
            .flat_map(|of| of.scope_spans);
        spans
            .lock()
            .unwrap()
            .extend(scopes.flat_map(|scope| scope.spans));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if peer.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
