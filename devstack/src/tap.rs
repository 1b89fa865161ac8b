//! A copy of every message of a ring, for tests of what is in them.

use anyhow::{Context, Result};

use crate::rabbitmq::call;
use crate::ring::Ring;

const QUEUE: &str = "tap";

impl Ring {
    /// Keeps a copy of every message from now on.
    pub async fn tap(&self) -> Result<()> {
        let (api, vhost) = (self.management()?, &self.label);
        let put = reqwest::Method::PUT;
        call(api, put, &format!("queues/{vhost}/{QUEUE}"), "{}").await?;
        let execs = format!(r#"{{"routing_key":"{}"}}"#, self.region);
        for (exchange, keys) in [
            ("escapement.execs", execs.as_str()),
            ("escapement.hints", r##"{"routing_key":"#"}"##),
        ] {
            let path = format!("bindings/{vhost}/e/{exchange}/q/{QUEUE}");
            call(api, reqwest::Method::POST, &path, keys).await?;
        }
        Ok(())
    }

    /// The messages since [`Ring::tap`], as the broker's JSON.
    pub async fn tapped(&self) -> Result<String> {
        let path = format!("queues/{}/{QUEUE}/get", self.label);
        let all = r#"{"count":100000,"ackmode":"ack_requeue_true","encoding":"auto"}"#;
        call(self.management()?, reqwest::Method::POST, &path, all).await
    }

    fn management(&self) -> Result<&str> {
        self.api
            .as_deref()
            .context("the broker's management API is not known")
    }
}
