//! The peer: the same pods as plain Jobs, made and awaited by kubectl.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::Kubectl;
use serde_json::{Value, json};

const NAMESPACE: &str = "bench-bare";

/// Creates the Jobs from one manifest, waits for the last and removes them.
pub(crate) async fn run(kubectl: &Kubectl, pod: &Value, jobs: usize) -> Result<Duration> {
    kubectl.namespace_for(NAMESPACE, pod).await?;
    let items: Vec<_> = (0..jobs).map(|n| job(pod, n)).collect();
    let manifest = json!({ "apiVersion": "v1", "kind": "List", "items": items });

    let start = Instant::now();
    kubectl.create(&manifest).await?;
    let wait = [
        "wait",
        "jobs",
        "--all",
        "--for=condition=complete",
        "--timeout=300s",
        "--namespace",
        NAMESPACE,
    ];
    kubectl.run(&wait, None).await?;
    let elapsed = start.elapsed();

    let delete = [
        "delete",
        "jobs",
        "--all",
        "--cascade=foreground",
        "--wait",
        "--namespace",
        NAMESPACE,
    ];
    kubectl.run(&delete, None).await?;
    Ok(elapsed)
}

fn job(pod: &Value, number: usize) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": format!("bare-{number}"), "namespace": NAMESPACE },
        "spec": { "backoffLimit": 0, "template": pod },
    })
}
