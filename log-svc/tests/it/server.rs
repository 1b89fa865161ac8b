//! The part of a Kubernetes API server that log-svc talks to. Strict: a test
//! that asks for anything else fails.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

use crate::container::Container;
use crate::node;

/// Everything the server knows.
#[derive(Default)]
pub(crate) struct State {
    pods: Mutex<HashMap<String, Value>>,
    containers: Mutex<HashMap<String, Arc<Container>>>,
    events: watch::Sender<Vec<Value>>,
    unknown: Mutex<Vec<String>>,
}

impl State {
    pub(crate) fn put_pod(&self, mut pod: Value) -> Value {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        self.events.send_modify(|events| {
            pod["metadata"]["resourceVersion"] = json!((events.len() + 1).to_string());
            let known = self
                .pods
                .lock()
                .unwrap()
                .insert(name, pod.clone())
                .is_some();
            let kind = if known { "MODIFIED" } else { "ADDED" };
            events.push(json!({ "type": kind, "object": pod }));
        });
        pod
    }

    pub(crate) fn delete_pod(&self, name: &str) {
        self.events.send_modify(|events| {
            let pod = self.pods.lock().unwrap().remove(name).unwrap();
            events.push(json!({ "type": "DELETED", "object": pod }));
        });
    }

    pub(crate) fn pod(&self, name: &str) -> Option<Value> {
        self.pods.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn container(&self, name: &str) -> Arc<Container> {
        let mut containers = self.containers.lock().unwrap();
        containers
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Container::new()))
            .clone()
    }

    /// Resolves when the pod has no finalizers.
    pub(crate) async fn let_go(&self, name: &str) {
        let mut events = self.events.subscribe();
        let free = |_: &Vec<Value>| {
            self.pod(name)
                .is_none_or(|pod| pod["metadata"]["finalizers"] == json!([]))
        };
        events.wait_for(free).await.unwrap();
    }
}

/// A running server.
pub(crate) struct ApiServer {
    pub(crate) url: String,
    pub(crate) state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let (mut tasks, served) = (JoinSet::new(), state.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let state = served.clone();
                connections.spawn(async move {
                    // A client may leave at any time.
                    let _ = serve(socket, &state).await;
                });
            }
        });
        Self {
            url,
            state,
            _tasks: tasks,
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let unknown = self.state.unknown.lock().unwrap();
        assert!(
            unknown.is_empty() || std::thread::panicking(),
            "unknown requests: {unknown:?}"
        );
    }
}

async fn serve(mut socket: TcpStream, state: &State) -> io::Result<()> {
    let (head, body) = request(&mut socket).await?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let url = Url::parse("http://server").unwrap().join(target).unwrap();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let path: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    match (method, &path[..]) {
        ("GET", ["api", "v1", "pods"]) if query.contains_key("watch") => {
            watch_pods(&mut socket, state, &query).await
        }
        ("GET", ["api", "v1", "pods"]) => list_pods(&mut socket, state).await,
        ("GET", ["api", "v1", "namespaces", _, "pods", name]) => match state.pod(name) {
            Some(pod) => answer(&mut socket, 200, &pod).await,
            None => refuse(&mut socket, 404).await,
        },
        ("PATCH", ["api", "v1", "namespaces", _, "pods", name]) => {
            let steps: Value = serde_json::from_slice(&body)?;
            patch_pod(&mut socket, state, (name, &steps)).await
        }
        ("GET", ["api", "v1", "namespaces", _, "pods", name, "log"]) => {
            let container = state.container(name);
            container.requests.lock().unwrap().push(target.to_owned());
            node::log(&mut socket, &container, &query).await
        }
        _ => {
            state
                .unknown
                .lock()
                .unwrap()
                .push(format!("{method} {target}"));
            refuse(&mut socket, 501).await
        }
    }
}

async fn request(socket: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().unwrap())
    });
    while bytes.len() < end + length.unwrap_or(0) {
        socket.read_buf(&mut bytes).await?;
    }
    Ok((head, bytes.split_off(end)))
}

async fn answer(socket: &mut TcpStream, code: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n", body.len());
    let text = format!("{head}connection: close\r\n\r\n{body}");
    socket.write_all(text.as_bytes()).await
}

pub(crate) async fn refuse(socket: &mut TcpStream, code: u16) -> io::Result<()> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused by the test", "reason": "Test", "code": code,
    });
    answer(socket, code, &status).await
}

async fn list_pods(socket: &mut TcpStream, state: &State) -> io::Result<()> {
    let version = state.events.borrow().len().to_string();
    let items: Vec<Value> = state.pods.lock().unwrap().values().cloned().collect();
    let metadata = json!({ "resourceVersion": version });
    let list =
        json!({ "kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items });
    answer(socket, 200, &list).await
}

async fn watch_pods(
    socket: &mut TcpStream,
    state: &State,
    query: &HashMap<String, String>,
) -> io::Result<()> {
    open_chunked(socket).await?;
    let mut seen: usize = query["resourceVersion"].parse().unwrap();
    let mut events = state.events.subscribe();
    loop {
        let news = events.wait_for(|events| events.len() > seen).await.unwrap()[seen..].to_vec();
        for event in &news {
            chunk(socket, format!("{event}\n").as_bytes()).await?;
        }
        seen += news.len();
    }
}

async fn patch_pod(
    socket: &mut TcpStream,
    state: &State,
    (name, steps): (&str, &Value),
) -> io::Result<()> {
    let Some(mut pod) = state.pod(name) else {
        return refuse(socket, 404).await;
    };
    for step in steps.as_array().unwrap() {
        let place = step["path"].as_str().unwrap();
        match step["op"].as_str() {
            Some("test") if pod.pointer(place) == Some(&step["value"]) => {}
            Some("remove") => {
                let (list, index) = place.rsplit_once('/').unwrap();
                let list = pod.pointer_mut(list).unwrap().as_array_mut().unwrap();
                list.remove(index.parse().unwrap());
            }
            _ => return refuse(socket, 422).await,
        }
    }
    let pod = state.put_pod(pod);
    answer(socket, 200, &pod).await
}

pub(crate) async fn open_chunked(socket: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await
}

pub(crate) async fn chunk(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    socket
        .write_all(format!("{:x}\r\n", bytes.len()).as_bytes())
        .await?;
    socket.write_all(bytes).await?;
    socket.write_all(b"\r\n").await
}
