//! A virtual host per test on a real RabbitMQ, so that tests run side by side. It
//! has a user of its own, whose connections can be cut without touching another's.

use std::fmt::Write as _;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::SecretString;
use uuid::Uuid;

use crate::config::BrokerConfig;

/// The broker's AMQP URL, of any virtual host.
pub const AMQP_URL: &str = "AMQP_URL";
/// The URL of its management API, with an administrator's user and password.
pub const RABBITMQ_API: &str = "RABBITMQ_API";

/// A virtual host and its user; both are removed when it is dropped.
pub struct Vhost {
    name: String,
    url: String,
    api: String,
}

impl Vhost {
    /// Creates one with a new name.
    ///
    /// # Panics
    /// Without [`AMQP_URL`] and [`RABBITMQ_API`], and when the broker refuses.
    pub async fn create() -> Self {
        let (broker, api) = (variable(AMQP_URL), variable(RABBITMQ_API));
        let name = format!("test-{}", Uuid::now_v7().simple());
        let address = broker
            .rsplit_once('@')
            .map_or(broker.as_str(), |(_, address)| address);
        let address = address.split('/').next().unwrap_or(address);
        let url = format!("amqp://{name}:{name}@{address}/{name}");
        let vhost = Self { name, url, api };
        let name = &vhost.name;
        let user = serde_json::json!({ "password": name, "tags": "" });
        let all = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
        vhost
            .put(&format!("/api/vhosts/{name}"), &serde_json::json!({}))
            .await;
        vhost.put(&format!("/api/users/{name}"), &user).await;
        vhost
            .put(&format!("/api/permissions/{name}/{name}"), &all)
            .await;
        vhost
    }

    /// Its AMQP URL, with the password of its own user.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The default `[broker]` for it.
    pub fn config(&self) -> BrokerConfig {
        BrokerConfig::new(SecretString::from(self.url.clone()))
    }

    /// Has the broker close every connection to this virtual host.
    ///
    /// # Panics
    /// When the management API refuses.
    pub async fn cut_connections(&self) {
        let path = format!("/api/connections/username/{}", self.name);
        let status = send(self.request(Method::DELETE, &path)).await;
        assert!(status.is_success(), "DELETE {path}: {status}");
    }

    /// Takes away (or gives back) the right to connect, so that an outage lasts
    /// until the test ends it.
    ///
    /// # Panics
    /// When the management API refuses.
    pub async fn allow_connections(&self, allowed: bool) {
        let path = format!("/api/permissions/{0}/{0}", self.name);
        if allowed {
            let all = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
            self.put(&path, &all).await;
        } else {
            let status = send(self.request(Method::DELETE, &path)).await;
            assert!(status.is_success(), "DELETE {path}: {status}");
        }
    }

    async fn put(&self, path: &str, body: &serde_json::Value) {
        let status = send(self.request(Method::PUT, path).json(body)).await;
        assert!(status.is_success(), "PUT {path}: {status}");
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        request(&self.api, method, path)
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (api, name) = (self.api.clone(), self.name.clone());
        // Drop cannot await, and the test's runtime may be the thread it blocks.
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                for path in [format!("/api/vhosts/{name}"), format!("/api/users/{name}")] {
                    send(request(&api, Method::DELETE, &path)).await;
                }
            });
        });
        let _ = cleanup.join();
    }
}

fn request(api: &str, method: Method, path: &str) -> RequestBuilder {
    let mut url = api.trim_end_matches('/').to_owned();
    let _ = write!(url, "{path}");
    Client::new().request(method, url)
}

async fn send(request: RequestBuilder) -> StatusCode {
    match request.send().await {
        Ok(response) => response.status(),
        Err(error) => panic!("RabbitMQ's management API ({RABBITMQ_API}): {error}"),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `make test`, which starts RabbitMQ")
    })
}
