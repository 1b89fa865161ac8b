//! What operators are shown of clients that guess, ask too much or take too long.

use api_gateway::commands::issue_token;
use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use store::DatabaseRole;
use store::testing::TestDatabase;

use crate::app::{exec_path, read};
use crate::process::Gateway;

/// A gateway with a database, as a process of its own.
struct Operated {
    gateway: Gateway,
    token: String,
}

impl Operated {
    async fn start(database: &TestDatabase) -> Self {
        let token = issue_token(&database.store(DatabaseRole::Gateway), "me").await;
        let variables = [
            ("ESCAPEMENT__DATABASE__URL", database.url.as_str()),
            ("ESCAPEMENT__REGIONS", "north"),
            ("ESCAPEMENT__API__REQUEST_TIMEOUT", "3s"),
            ("ESCAPEMENT__API__TRUSTED_PROXIES", "1"),
            ("ESCAPEMENT__API__WAITING", "0"),
            ("ESCAPEMENT__PASSWORDS__PARALLEL", "1"),
            ("ESCAPEMENT__LIMITS__LOGIN__BURST", "0"),
        ];
        Self {
            gateway: Gateway::start(&variables).await,
            token: token.unwrap().reveal(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = Client::new().request(method, format!("{}{path}", self.gateway.api));
        let request = request.header("x-forwarded-for", "6.6.6.6");
        request.header("authorization", format!("Token {}", self.token))
    }

    async fn log_in(&self, user: &str) -> u16 {
        let body = json!({ "username": user, "password": "is it this?" });
        let request = self.request(Method::POST, "/v1/generate-api-token");
        request.json(&body).send().await.unwrap().status().as_u16()
    }

    async fn assert_measured(&self, metric: &str, labels: &[&str], value: usize) {
        let metrics = Client::new().get(format!("{}/metrics", self.gateway.health));
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
        let line = gateway.gateway.said("a login failed").await;
        assert_eq!((&line["level"], &line["user"]), (&json!("WARN"), &logged));
        assert_eq!(line["span"]["client"], "6.6.6.6", "{line}");
        assert!(!line.to_string().contains("is it this?"), "{line}");
    }
    let all = join_all((0..40).map(|_| gateway.log_in("ann"))).await;
    let refused = all.iter().filter(|status| **status == 429).count();
    assert!(refused > 0, "{all:?}");
    let passwords = [r#"limit="passwords""#];
    gateway.assert_measured(REFUSED, &passwords, refused).await;
    let line = gateway.gateway.said("a request was refused").await;
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
