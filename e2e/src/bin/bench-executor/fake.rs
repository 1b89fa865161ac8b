//! Nodes that there are not: kwok says for them that pods run and end.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use e2e::Kubectl;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// What the label `type` of these nodes says.
pub(crate) const LABEL: &str = "kwok";
const NODES: usize = 10;
/// How these nodes behave.
const STAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kwok/stages.yaml");

/// A running kwok; it ends with this.
pub(crate) struct Fake {
    kubectl: Kubectl,
    _kwok: Child,
}

impl Fake {
    pub(crate) async fn start(kwok: &Path, kubeconfig: &Path, kubectl: Kubectl) -> Result<Self> {
        let nodes: Vec<_> = (0..NODES).map(node).collect();
        let nodes = json!({ "apiVersion": "v1", "kind": "List", "items": nodes });
        kubectl.apply(&nodes).await?;
        let child = Command::new(kwok)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--config")
            .arg(STAGES)
            .args([
                "--manage-nodes-with-label-selector=type=kwok",
                "--node-lease-duration-seconds=40",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", kwok.display()))?;
        let wait = [
            "wait",
            "nodes",
            "--selector=type=kwok",
            "--for=condition=Ready",
        ];
        kubectl.run(&wait, None).await?;
        Ok(Self {
            kubectl,
            _kwok: child,
        })
    }

    pub(crate) async fn remove(&self) -> Result<()> {
        let delete = ["delete", "nodes", "--selector=type=kwok"];
        self.kubectl.run(&delete, None).await.map(drop)
    }
}

fn node(number: usize) -> Value {
    let room = json!({ "cpu": "1000", "memory": "1000Gi", "pods": "10000" });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": format!("fake-{number}"),
            "labels": { "type": "kwok", "kubernetes.io/os": "linux" },
        },
        "status": { "allocatable": room, "capacity": room },
    })
}
