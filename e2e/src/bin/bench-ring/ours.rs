//! Our side: execs over the REST API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::client::Exec;
use e2e::{Client, Kubectl};
use serde_json::{Value, json};

/// Lines each program prints.
const LINES: usize = 20;
const LIMIT: Duration = Duration::from_mins(5);

/// What one round took.
pub(crate) struct Times {
    /// From the first trigger to the last outcome.
    pub(crate) outcomes: Duration,
    /// From the last outcome until no Job or pod of ours was left.
    pub(crate) emptied: Duration,
}

fn command() -> String {
    format!("sh -c 'i=1; while [ $i -le {LINES} ]; do echo line $i; i=$((i+1)); done'")
}

/// The pod template of one of our execs, without the gate: the same pod for
/// both sides.
pub(crate) async fn pod_of_one_exec(
    client: &Client,
    kubectl: &Kubectl,
    instance: &str,
) -> Result<Value> {
    let exec = client.run(&command()).await?;
    let deadline = Instant::now() + LIMIT;
    let job = loop {
        if let Some(job) = kubectl.list("jobs", instance).await?.pop() {
            break job;
        }
        ensure!(Instant::now() < deadline, "no Job of ours was seen");
    };
    let mut pod = job["spec"]["template"].clone();
    pod["spec"]
        .as_object_mut()
        .context("a pod has a spec")?
        .remove("schedulingGates");
    pod["metadata"] = json!({});
    client.wait(&exec, "S", LIMIT).await?;
    Ok(pod)
}

/// Triggers all execs at once and follows them to their ends.
pub(crate) async fn run(
    client: &Client,
    kubectl: &Kubectl,
    instance: &str,
    expected: usize,
) -> Result<Times> {
    let job = client
        .create_job(&command(), json!({ "name": "bench" }))
        .await?;
    let start = Instant::now();
    let mut triggers = tokio::task::JoinSet::new();
    for _ in 0..expected {
        let client = client.clone();
        triggers.spawn(async move { client.trigger(job).await });
    }
    let execs = triggers
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<Exec>>>()?;
    while !all_succeeded(client, job, expected).await? {
        ensure!(start.elapsed() < LIMIT, "not all execs ended");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let outcomes = start.elapsed();
    while !kubectl.list("jobs,pods", instance).await?.is_empty() {
        let over = start.elapsed().saturating_sub(outcomes);
        ensure!(
            over < Duration::from_secs(30),
            "something is left in the cluster"
        );
    }
    let emptied = start.elapsed().saturating_sub(outcomes);
    for exec in &execs {
        let log = client.log(exec).await?;
        let lines = log.iter().filter(|line| line.starts_with("line ")).count();
        ensure!(lines == LINES, "{} has {lines} lines: {log:?}", exec.id);
    }
    Ok(Times { outcomes, emptied })
}

async fn all_succeeded(client: &Client, job: i64, expected: usize) -> Result<bool> {
    let execs = client.execs(job).await?;
    let status = |letter| execs.iter().filter(|exec| exec["status"] == letter).count();
    let bad = status("F") + status("C") + status("L");
    ensure!(bad == 0, "{bad} execs did not succeed: {execs:#?}");
    Ok(status("S") == expected)
}
