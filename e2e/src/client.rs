//! A client of the REST API, written from its documentation.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::follow::Following;

/// Looks at an exec this often while waiting for it.
/// How long the log of an exec that has ended may take to be stored to its end.
const SEAL_LIMIT: Duration = Duration::from_mins(10);

const POLL: Duration = Duration::from_millis(100);

/// One account's view of the API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    token: String,
}

/// One run, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Id of its job.
    pub job: i64,
    /// Its own id.
    pub id: String,
}

impl Client {
    /// A client of the API at `origin` (`http://host:port`).
    pub fn new(origin: &str, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            origin: origin.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    /// Creates a job that runs `command` in the demo image; `fields` are added
    /// to the body. Returns the job's id.
    pub async fn create_job(&self, command: &str, fields: Value) -> Result<i64> {
        let mut body = json!({
            "name": "e2e",
            "command": command,
            "docker_image_repo": demo_image()?,
            "docker_image_tag": demo_tag()?,
            "resource_size": "XXS",
        });
        let fields = fields.as_object().context("fields are an object")?;
        for (name, value) in fields {
            body[name] = value.clone();
        }
        let job = self.send("POST", "/v1/jobs", Some(body), 201).await?;
        job["id"].as_i64().context("a job has a numeric id")
    }

    /// Triggers a job.
    pub async fn trigger(&self, job: i64) -> Result<Exec> {
        let path = format!("/v1/jobs/{job}/execs");
        Self::made(job, &self.send("POST", &path, None, 201).await?)
    }

    /// Triggers a job as a part of a trace.
    pub async fn trigger_traced(&self, job: i64, traceparent: &str) -> Result<Exec> {
        let path = format!("/v1/jobs/{job}/execs");
        let request = self
            .request("POST", &path)?
            .header("traceparent", traceparent);
        Self::made(job, &answer(request, &path, 201).await?)
    }

    /// Triggers a job with these overrides, once for a key however often it is asked.
    pub async fn trigger_once(&self, job: i64, key: &str, overrides: Value) -> Result<Exec> {
        let path = format!("/v1/jobs/{job}/execs");
        let request = self.request("POST", &path)?.header("Idempotency-Key", key);
        Self::made(job, &answer(request.json(&overrides), &path, 201).await?)
    }

    fn made(job: i64, exec: &Value) -> Result<Exec> {
        let id = exec["id"].as_str().context("an exec has an id")?.to_owned();
        Ok(Exec { job, id })
    }

    /// Creates a job and triggers it.
    pub async fn run(&self, command: &str) -> Result<Exec> {
        let job = self.create_job(command, json!({})).await?;
        self.trigger(job).await
    }

    /// The exec's detail.
    pub async fn exec(&self, exec: &Exec) -> Result<Value> {
        self.get(&format!("/v1/jobs/{}/execs/{}", exec.job, exec.id))
            .await
    }

    /// The execs of a job, newest first, of the first page.
    pub async fn execs(&self, job: i64) -> Result<Vec<Value>> {
        let list = self
            .get(&format!("/v1/jobs/{job}/execs?page_size=100"))
            .await?;
        list["results"]
            .as_array()
            .cloned()
            .context("a list has results")
    }

    /// Waits until the exec's status is one of `letters`.
    pub async fn wait(&self, exec: &Exec, letters: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let detail = self.exec(exec).await?;
            let status = detail["status"].as_str().context("an exec has a status")?;
            if letters.contains(status) {
                return Ok(detail);
            }
            if "SFCL".contains(status) || Instant::now() > deadline {
                bail!("exec {} is not one of {letters}: {detail:#}", exec.id);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The messages of an exec's log, platform lines included.
    pub async fn log(&self, exec: &Exec) -> Result<Vec<String>> {
        let path = format!("/v1/jobs/{}/execs/{}/logs", exec.job, exec.id);
        let lines = self.get(&path).await?;
        let lines = lines.as_array().context("a log is an array")?;
        lines
            .iter()
            .map(|line| {
                ensure!(line["time"].is_i64(), "a line has whole seconds: {line}");
                let message = line["message"].as_str().context("a line has a message")?;
                Ok(message.to_owned())
            })
            .collect()
    }

    /// The headers of the answer that holds an exec's log.
    pub async fn log_headers(&self, exec: &Exec) -> Result<HeaderMap> {
        let path = format!("/v1/jobs/{}/execs/{}/logs", exec.job, exec.id);
        let request = self.request("HEAD", &path)?;
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.headers().clone())
    }

    /// Follows an exec's log, from its beginning or after the event of this id.
    pub async fn follow(&self, exec: &Exec, after: Option<&str>) -> Result<Following> {
        let path = format!("/v1/jobs/{}/execs/{}/logs?follow=true", exec.job, exec.id);
        let mut request = self.request("GET", &path)?;
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        Ok(Following::new(request.send().await?.error_for_status()?))
    }

    /// The output of an exec's first attempt, as text.
    pub async fn download(&self, exec: &Exec) -> Result<Response> {
        let path = format!(
            "/v1/jobs/{}/execs/{}/logs?attempt=1&platform=false",
            exec.job, exec.id
        );
        let request = self.request("GET", &path)?.header("Accept", "text/plain");
        Ok(request.send().await?.error_for_status()?)
    }

    /// What is known of that output, once it is stored for good.
    pub async fn sealed(&self, exec: &Exec) -> Result<Value> {
        let path = format!("/v1/jobs/{}/execs/{}/logs/seal", exec.job, exec.id);
        let deadline = Instant::now() + SEAL_LIMIT;
        loop {
            // Of an exec that has ended the answer waits a few seconds itself.
            let seal = self.get(&format!("{path}?attempt=1")).await?;
            if !seal["sealed_at"].is_null() {
                return Ok(seal);
            }
            ensure!(Instant::now() < deadline, "{seal:#}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Everything in a list, page by page.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut path = path.to_owned();
        loop {
            let page = self.get(&path).await?;
            let results = page["results"].as_array();
            all.extend(results.context("a list has results")?.iter().cloned());
            let Some(next) = page["next"].as_str() else {
                return Ok(all);
            };
            let next = next.strip_prefix(&self.origin);
            next.context("a link leads elsewhere")?
                .clone_into(&mut path);
        }
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, None, 200).await
    }

    /// One request; any other status than the expected one is an error that
    /// shows the answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        expected: u16,
    ) -> Result<Value> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request, &format!("{method} {path}"), expected).await
    }

    fn request(&self, method: &str, path: &str) -> Result<RequestBuilder> {
        let url = format!("{}{path}", self.origin);
        let request = self.http.request(method.parse()?, url);
        Ok(request.header("Authorization", format!("Token {}", self.token)))
    }
}

async fn answer(request: RequestBuilder, what: &str, expected: u16) -> Result<Value> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(status == expected, "{what}: {status} {text}");
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{what}: {text}"))
}

/// Repository of the demo image, from the environment that devstack sets.
pub fn demo_image() -> Result<String> {
    variable("DEMO_IMAGE")
}

/// Tag of the demo image.
pub fn demo_tag() -> Result<String> {
    variable("DEMO_TAG")
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; run this with `make e2e`"))
}
