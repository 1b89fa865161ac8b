//! What operators are shown of clients that guess, ask too much or take too long.

use std::process::Stdio;

use api_gateway::commands::issue_token;
use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use store::Role;
use store::testing::TestDatabase;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::app::{KEY, NO_BROKER, exec_path, read};

/// A gateway with a database, as a process of its own.
struct Operated {
    _process: Child,
    log: Lines<BufReader<ChildStderr>>,
    health: String,
    api: String,
    token: String,
}

impl Operated {
    async fn start(database: &TestDatabase) -> Self {
        let token = issue_token(&database.store(Role::Gateway), "me").await;
        let mut process = Command::new(env!("CARGO_BIN_EXE_api-gateway"))
            .env_clear()
            .env("ESCAPEMENT__DATABASE__URL", &database.url)
            .env("ESCAPEMENT__BROKER__URL", NO_BROKER)
            .env("ESCAPEMENT__SECRETS__KEYS", KEY)
            .env("ESCAPEMENT__REGIONS", "north")
            .env("ESCAPEMENT__API__LISTEN", "127.0.0.1:0")
            .env("ESCAPEMENT__HEALTH__LISTEN", "127.0.0.1:0")
            .env("ESCAPEMENT__API__REQUEST_TIMEOUT", "3s")
            .env("ESCAPEMENT__API__TRUSTED_PROXIES", "1")
            .env("ESCAPEMENT__API__WAITING", "0")
            .env("ESCAPEMENT__PASSWORDS__PARALLEL", "1")
            .env("ESCAPEMENT__LIMITS__LOGIN__BURST", "0")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut gateway = Self {
            log: BufReader::new(process.stderr.take().unwrap()).lines(),
            _process: process,
            health: String::new(),
            api: String::new(),
            token: token.unwrap().reveal(),
        };
        let address = |line: &Value, key| format!("http://{}", line[key].as_str().unwrap());
        gateway.health = address(&gateway.said("starting").await, "health");
        gateway.api = address(&gateway.said("the API listens").await, "address");
        gateway
    }

    /// The next line of the log with this message.
    async fn said(&mut self, message: &str) -> Value {
        loop {
            let line = self.log.next_line().await.unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = Client::new().request(method, format!("{}{path}", self.api));
        let request = request.header("x-forwarded-for", "6.6.6.6");
        request.header("authorization", format!("Token {}", self.token))
    }

    async fn log_in(&self, user: &str) -> u16 {
        let body = json!({ "username": user, "password": "is it this?" });
        let request = self.request(Method::POST, "/v1/generate-api-token");
        request.json(&body).send().await.unwrap().status().as_u16()
    }

    async fn assert_measured(&self, metric: &str, labels: &[&str], value: usize) {
        let metrics = Client::new().get(format!("{}/metrics", self.health));
        let metrics = metrics.send().await.unwrap().text().await.unwrap();
        let mut lines = metrics.lines().filter(|line| line.starts_with(metric));
        let line = lines.find(|line| labels.iter().all(|label| line.contains(label)));
        let line = line.unwrap_or_else(|| panic!("{labels:?}: {metrics}"));
        assert!(line.ends_with(&format!(" {value}")), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_who_guesses_and_what_is_refused() {
    const REFUSED: &str = "escapement_limited_requests_total";
    let mut gateway = Operated::start(&TestDatabase::new().await).await;
    for (user, logged) in [("ann", json!("ann")), ("No Name", Value::Null)] {
        assert_eq!(gateway.log_in(user).await, 401);
        let line = gateway.said("a login failed").await;
        assert_eq!((&line["level"], &line["user"]), (&json!("WARN"), &logged));
        assert_eq!(line["span"]["client"], "6.6.6.6", "{line}");
        assert!(!line.to_string().contains("is it this?"), "{line}");
    }
    let all = join_all((0..40).map(|_| gateway.log_in("ann"))).await;
    let refused = all.iter().filter(|status| **status == 429).count();
    assert!(refused > 0, "{all:?}");
    let passwords = [r#"limit="passwords""#];
    gateway.assert_measured(REFUSED, &passwords, refused).await;
    let line = gateway.said("a request was refused").await;
    assert_eq!(line["limit"], "passwords", "{line}");
    assert_eq!(line["span"]["client"], "6.6.6.6", "{line}");

    let body = json!({ "name": "n", "command": "c", "docker_image_repo": "r.io/a" });
    let job = gateway.request(Method::POST, "/v1/jobs").json(&body);
    let (_, job) = read(job.send().await.unwrap()).await;
    let execs = format!("/v1/jobs/{}/execs", job["id"]);
    let exec = gateway.request(Method::POST, &execs).send().await;
    let (_, exec) = read(exec.unwrap()).await;
    let wait = format!("{}?wait=1s", exec_path(&exec));
    let answer = gateway.request(Method::GET, &wait).send().await;
    assert_eq!(answer.unwrap().status(), 429);
    let waiting = [r#"limit="waiting""#];
    gateway.assert_measured(REFUSED, &waiting, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_took_too_long_is_measured_under_its_route() {
    let database = TestDatabase::new().await;
    let gateway = Operated::start(&database).await;
    let _blocker = database.lock("jobs").await;
    let answer = gateway.request(Method::GET, "/v1/jobs/").send().await;
    assert_eq!(answer.unwrap().status(), 503);
    let metric = "escapement_http_request_duration_seconds_count";
    let labels = [r#"route="/v1/jobs""#, r#"status="503""#];
    gateway.assert_measured(metric, &labels, 1).await;
}
