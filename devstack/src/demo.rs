//! One job through the REST API, as a first-time user would run it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::infra::Infra;
use crate::progress::Progress;
use crate::wait::until;

const LIMIT: Duration = Duration::from_mins(2);

/// Creates a job, triggers it, waits for its end, shows its log.
pub(crate) async fn run(infra: &Infra, api: &Api, progress: Progress) -> Result<()> {
    let job = api
        .call(Method::POST, "/v1/jobs", Some(job(infra, api)))
        .await?;
    let execs = format!("/v1/jobs/{}/execs", job["id"]);
    let exec = api.call(Method::POST, &execs, None).await?;
    let id = exec["id"]
        .as_str()
        .context("the trigger's answer has no id")?;
    let one = format!("{execs}/{id}");
    let ended = |exec: &Value| matches!(exec["status"].as_str(), Some("S" | "F" | "C" | "L"));
    until("the demo job ends", LIMIT, || async {
        matches!(api.call(Method::GET, &one, None).await, Ok(exec) if ended(&exec))
    })
    .await?;
    let exec = api.call(Method::GET, &one, None).await?;
    let status = exec["status"].as_str().unwrap_or_default().to_owned();
    let logs = format!("{one}/logs");
    let last = Duration::from_secs(15);
    // The last lines may be on their way when the outcome is known already.
    let whole = until("the demo job's log is there", last, || async {
        match api.call(Method::GET, &logs, None).await {
            Ok(lines) => lines.as_array().is_some_and(|lines| lines.len() > 2),
            Err(_) => false,
        }
    });
    let whole = whole.await;
    progress.line(&format!("\nThe demo job ended {status}; its log:\n"));
    let lines = api.call(Method::GET, &logs, None).await?;
    for line in lines.as_array().into_iter().flatten() {
        progress.line(&format!(
            "    {}",
            line["message"].as_str().unwrap_or_default()
        ));
    }
    if status != "S" {
        bail!("the demo job ended {status}: {exec}");
    }
    whole
}

fn job(infra: &Infra, api: &Api) -> Value {
    json!({
        "name": "demo",
        "namespace": api.namespace,
        "command": "sh -c 'echo hello from $(hostname); date'",
        "docker_image_repo": infra.demo_image,
        "docker_image_tag": infra.demo_tag,
        "resource_size": "XXS",
        "runtime_vars": {},
    })
}

/// A client of one account.
pub(crate) struct Api {
    pub(crate) origin: String,
    pub(crate) token: String,
    pub(crate) namespace: String,
}

impl Api {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = reqwest::Client::new()
            .request(method.clone(), format!("{}{path}", self.origin))
            .timeout(Duration::from_secs(10))
            .header("authorization", format!("Token {}", self.token));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{method} {path}: {status} {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path}: {text}"))
    }
}
