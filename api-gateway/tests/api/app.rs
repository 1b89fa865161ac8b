//! Starts a gateway for one test and talks to it.

use api_gateway::app::Api;
use api_gateway::commands::issue_token;
use api_gateway::config::{Config, DEFAULTS};
use chassis::Process;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use store::testing::TestDatabase;
use store::{Role, Store};

/// Nobody listens there, so tests prove at the same time that no request needs
/// a broker.
pub(crate) const NO_BROKER: &str = "amqp://127.0.0.1:1/none";

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
    spawn_app_with(&[("ESCAPEMENT__BROKER__URL", NO_BROKER)]).await
}

pub(crate) async fn spawn_app_with(variables: &[(&str, &str)]) -> TestApp {
    let database = TestDatabase::new().await;
    let mut environment = HashMap::from([
        (
            "ESCAPEMENT__API__LISTEN".to_owned(),
            "127.0.0.1:0".to_owned(),
        ),
        ("ESCAPEMENT__API__WORKERS".to_owned(), "1".to_owned()),
        ("ESCAPEMENT__DATABASE__URL".to_owned(), database.url.clone()),
        ("ESCAPEMENT__REGIONS".to_owned(), "north,south".to_owned()),
    ]);
    environment.extend(
        variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
    );
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
        let token = issue_token(&self.store(Role::Gateway), name).await.unwrap();
        User {
            app: self,
            token: token.reveal(),
        }
    }

    pub(crate) fn store(&self, role: Role) -> Store {
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

impl User<'_> {
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let url = self.app.url(path);
        let request = self.app.client.request(method, url);
        let request = request.header("authorization", format!("Token {}", self.token));
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
