//! Starts a gateway for one test and talks to it.

use api_gateway::app::Api;
use api_gateway::commands::issue_token;
use api_gateway::config::{Config, DEFAULTS};
use chassis::Process;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use store::testing::TestDatabase;
use store::{DatabaseRole, Store};

/// Nobody listens there, so tests prove at the same time that no request needs
/// a broker.
pub(crate) const NO_BROKER: &str = "amqp://127.0.0.1:1/none";

/// 32 bytes that seal nothing of worth.
pub(crate) const KEY: &str = "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A running gateway.
pub(crate) struct TestApp {
    pub(crate) base: String,
    pub(crate) database: TestDatabase,
    pub(crate) process: Process,
    pub(crate) client: Client,
}

/// An account of a [`TestApp`].
#[derive(Clone)]
pub(crate) struct User<'a> {
    app: &'a TestApp,
    pub(crate) token: String,
}

pub(crate) async fn spawn_app() -> TestApp {
    spawn_app_with(&[]).await
}

pub(crate) async fn spawn_app_with(variables: &[(&str, &str)]) -> TestApp {
    spawn_app_on(TestDatabase::new().await, variables)
}

/// A gateway over a database that others may use too.
pub(crate) fn spawn_app_on(database: TestDatabase, variables: &[(&str, &str)]) -> TestApp {
    let defaults = [
        ("API__LISTEN", "127.0.0.1:0"),
        ("API__WORKERS", "1"),
        ("DATABASE__URL", &database.url),
        ("BROKER__URL", NO_BROKER),
        ("REGIONS", "north,south"),
        ("SECRETS__KEYS", KEY),
        ("LIMITS__TOKEN__BURST", "0"),
        ("LIMITS__ADDRESS__BURST", "0"),
        ("LIMITS__FAILED_AUTHENTICATION__BURST", "0"),
        ("LIMITS__LOGIN__BURST", "0"),
    ];
    let environment: HashMap<_, _> = defaults
        .iter()
        .map(|(key, value)| (format!("ESCAPEMENT__{key}"), (*value).to_owned()))
        .chain(
            variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
        .collect();
    let config: Config = chassis::config::load_from(DEFAULTS, None, Some(environment)).unwrap();
    let process = Process::for_test("api-gateway");
    let api = Api::build(config, &process).unwrap();
    let base = format!("http://{}", api.address());
    api.run(&process);
    TestApp {
        base,
        database,
        process,
        client: Client::new(),
    }
}

impl TestApp {
    /// An account with a token, made as the command does.
    pub(crate) async fn user(&self, name: &str) -> User<'_> {
        let token = issue_token(&self.store(DatabaseRole::Gateway), name)
            .await
            .unwrap();
        User {
            app: self,
            token: token.reveal(),
        }
    }

    /// The same account, on this gateway.
    pub(crate) fn speak_for(&self, user: &User<'_>) -> User<'_> {
        User {
            app: self,
            token: user.token.clone(),
        }
    }

    pub(crate) fn store(&self, role: DatabaseRole) -> Store {
        self.database.store(role)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        }
    }
}

impl<'a> User<'a> {
    /// The same account with another token.
    pub(crate) fn with_token(&self, token: String) -> User<'a> {
        User {
            app: self.app,
            token,
        }
    }

    /// A request with the account's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.app.client.request(method, self.app.url(path));
        request.header("authorization", format!("Token {}", self.token))
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.request(method, path);
        let request = if let Some(body) = body {
            request.json(body)
        } else {
            request
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.send(Method::GET, path, None).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        read(self.send(Method::POST, path, body).await).await
    }

    /// A new token of this account: its number, and itself.
    pub(crate) async fn new_token(&self, body: Value) -> (i64, String) {
        let (status, token) = self.post("/v1/tokens", Some(&body)).await;
        assert_eq!(status, 201, "{token}");
        let text = token["token"].as_str().unwrap().to_owned();
        (token["id"].as_i64().unwrap(), text)
    }

    /// A job with what it needs and the given fields.
    pub(crate) async fn job(&self, fields: Value) -> Value {
        let mut body =
            json!({ "name": "test", "command": "bash", "docker_image_repo": "r.io/a/b" });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let (status, job) = self.post("/v1/jobs", Some(&body)).await;
        assert_eq!(status, 201, "{job}");
        job
    }

    /// An exec of a job.
    pub(crate) async fn exec(&self, job: &Value) -> Value {
        let (status, exec) = self
            .post(&format!("/v1/jobs/{}/execs", job["id"]), None)
            .await;
        assert_eq!(status, 201, "{exec}");
        exec
    }
}

pub(crate) async fn read(response: Response) -> (StatusCode, Value) {
    (response.status(), response.json().await.unwrap())
}

/// The path of an exec.
pub(crate) fn exec_path(exec: &Value) -> String {
    format!(
        "/v1/jobs/{}/execs/{}",
        exec["job"],
        exec["id"].as_str().unwrap()
    )
}
