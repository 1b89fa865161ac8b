//! A look into the cluster from outside the system under test.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// kubectl, aimed at the cluster of `KUBECONFIG`.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: std::path::PathBuf,
}

impl Kubectl {
    /// The kubectl inside the single-binary Kubernetes.
    pub fn new(program: impl Into<std::path::PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// Everything of a kind that one installation made, in all namespaces.
    pub async fn list(&self, kind: &str, instance: &str) -> Result<Vec<Value>> {
        let selector = format!("app.kubernetes.io/instance={instance}");
        let args = [
            "get",
            kind,
            "--all-namespaces",
            "--selector",
            &selector,
            "--output=json",
        ];
        let list: Value = serde_json::from_str(&self.run(&args, None).await?)?;
        list["items"]
            .as_array()
            .cloned()
            .context("kubectl lists items")
    }

    /// Makes a namespace with the account that this pod runs as, unless they are there.
    pub async fn namespace_for(&self, namespace: &str, pod: &Value) -> Result<()> {
        let account = pod["spec"]["serviceAccountName"].as_str();
        let surroundings = json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } },
            { "apiVersion": "v1", "kind": "ServiceAccount",
              "metadata": { "name": account.unwrap_or("default"), "namespace": namespace } },
        ] });
        self.apply(&surroundings).await
    }

    /// Makes everything as the manifest says.
    pub async fn apply(&self, manifest: &Value) -> Result<()> {
        let args = ["apply", "--filename=-"];
        self.run(&args, Some(manifest.to_string())).await.map(drop)
    }

    /// Creates what the manifest says.
    pub async fn create(&self, manifest: &Value) -> Result<()> {
        let args = ["create", "--filename=-"];
        self.run(&args, Some(manifest.to_string())).await.map(drop)
    }

    /// Runs kubectl and returns what it printed.
    pub async fn run(&self, args: &[&str], input: Option<String>) -> Result<String> {
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        stdin
            .write_all(input.unwrap_or_default().as_bytes())
            .await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl {args:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
