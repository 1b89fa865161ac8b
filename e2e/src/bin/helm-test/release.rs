//! The release, as an operator handles it: with helm and kubectl only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use devstack::ring::token_in;
use devstack::wait::until;
use e2e::Kubectl;
use e2e::client::demo_image;
use serde_json::json;
use tokio::process::Command;

const NAME: &str = "escapement";
const CHART: &str = "deploy/helm/escapement";
/// Each is a file of the folder and a repository of the cluster's registry.
const IMAGES: [(&str, &str); 4] = [
    ("old", "escapement:old"),
    ("new", "escapement:new"),
    ("postgres", "postgres:15"),
    ("rabbitmq", "rabbitmq:3.13"),
];

/// Pods end in order, which takes as long as the chart says.
const STOP_LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Release {
    helm: PathBuf,
    kubectl: Kubectl,
}

impl Release {
    pub(crate) fn new(helm: PathBuf, kubectl: Kubectl) -> Self {
        Self { helm, kubectl }
    }

    /// Puts the images where the cluster pulls from.
    pub(crate) async fn push(&self, folder: &Path) -> Result<()> {
        for (file, image) in IMAGES {
            let archive = folder.join(format!("{file}.tar"));
            let from = format!("docker-archive:{}", archive.display());
            let to = format!("docker://{}/{image}", registry()?);
            let copy = ["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"];
            run(Path::new("skopeo"), &[&copy[..], &[&from, &to]].concat()).await?;
        }
        Ok(())
    }

    /// One of everything, with a database and a broker of its own.
    pub(crate) async fn install(&self, chart: &Path, tag: &str) -> Result<()> {
        let registry = registry()?;
        let one = json!({ "replicas": 1 });
        let values = json!({
            "image": { "repository": format!("{registry}/escapement"), "tag": tag },
            "trial": {
                "enabled": true,
                "storage": "",
                "postgres": { "image": format!("{registry}/postgres:15") },
                "rabbitmq": { "image": format!("{registry}/rabbitmq:3.13") },
            },
            // Small, so that two cores have room for what surges beside them.
            "sizes": { "XXS": { "cpu": "100m", "memory": "32Mi" } },
            "apiGateway": one,
            "schedulerSvc": one,
            "executorSvc": {
                "replicas": 1,
                // The node is this machine, and its registry too.
                "settings": { "pod": { "registries": ["*", "127.0.0.1"] } },
            },
            "logSvc": one,
        });
        let file = std::env::temp_dir().join(format!("values-{}.json", std::process::id()));
        std::fs::write(&file, values.to_string())?;
        let path = file.display().to_string();
        let chart = chart.display().to_string();
        let words = ["install", NAME, &chart, "--create-namespace", "--values"];
        let installed = self.helm(&[&words[..], &[&path]].concat()).await;
        std::fs::remove_file(&file)?;
        installed
    }

    pub(crate) async fn upgrade(&self, tag: &str) -> Result<()> {
        let tag = format!("image.tag={tag}");
        // Values that are new in this chart too, which `--reuse-values` would leave out.
        let words = ["upgrade", NAME, CHART, "--reset-then-reuse-values", "--set"];
        self.helm(&[&words[..], &[&tag]].concat()).await
    }

    pub(crate) async fn roll_back(&self) -> Result<()> {
        self.helm(&["rollback", NAME]).await
    }

    /// One number of replicas after the other, each reached before the next.
    pub(crate) async fn scale(&self, service: &str, replicas: &[u32]) -> Result<()> {
        let deployment = format!("deployment/{NAME}-{service}");
        for number in replicas {
            let wanted = format!("--replicas={number}");
            self.kubectl(&["scale", &deployment, &wanted]).await?;
            self.rolled(&deployment).await?;
        }
        Ok(())
    }

    /// New pods for the old ones.
    pub(crate) async fn roll(&self, service: &str) -> Result<()> {
        let deployment = format!("deployment/{NAME}-{service}");
        self.kubectl(&["rollout", "restart", &deployment]).await?;
        self.rolled(&deployment).await
    }

    async fn rolled(&self, deployment: &str) -> Result<()> {
        self.kubectl(&["rollout", "status", deployment, "--timeout=2m"])
            .await
            .map(drop)
    }

    /// Where the API is, by its Service.
    pub(crate) async fn origin(&self) -> Result<String> {
        let service = format!("service/{NAME}-api-gateway");
        let path = "--output=jsonpath={.spec.clusterIP}";
        let address = self.kubectl(&["get", &service, path]).await?;
        Ok(format!("http://{}", address.trim()))
    }

    /// Makes an account as the notes of the chart say; returns its token.
    pub(crate) async fn account(&self, name: &str) -> Result<String> {
        let deployment = format!("deployment/{NAME}-api-gateway");
        let make = ["exec", &deployment, "--", "api-gateway", "create-account"];
        token_in(&self.kubectl(&[&make[..], &[name]].concat()).await?)
    }

    /// Removes the release, of which nothing may be left.
    pub(crate) async fn uninstall(&self) -> Result<()> {
        self.helm(&["uninstall", NAME]).await?;
        let is_gone = || async { self.left().await.is_ok_and(|left| left.is_empty()) };
        if let Err(error) = until("the release is gone", STOP_LIMIT, is_gone).await {
            bail!("{error:#}: {:?}", self.left().await?);
        }
        Ok(())
    }

    /// What of the release is in the cluster, and Helm's own record of it.
    async fn left(&self) -> Result<Vec<String>> {
        let kinds = ["api-resources", "--verbs=list", "--output=name"];
        let kinds = self.kubectl(&kinds).await?;
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !kind.starts_with("events"))
            .collect();
        let selector =
            format!("app.kubernetes.io/managed-by=Helm,app.kubernetes.io/instance={NAME}");
        let kinds = kinds.join(",");
        let all = ["get", &kinds, "--all-namespaces", "--selector", &selector];
        let left = self
            .kubectl(&[&all[..], &["--output=name"]].concat())
            .await?;
        let secrets = self.kubectl(&["get", "secrets", "--output=name"]).await?;
        Ok(left
            .lines()
            .chain(secrets.lines())
            .map(str::to_owned)
            .collect())
    }

    /// Removes the jobs' namespaces as docs/INSTALL.md says; nothing may hold them up.
    pub(crate) async fn remove_namespaces(&self) -> Result<()> {
        let selector =
            format!("app.kubernetes.io/managed-by=escapement,app.kubernetes.io/instance={NAME}");
        let delete = [
            "delete",
            "namespace",
            "--timeout=1m",
            "--selector",
            &selector,
        ];
        let said = self.kubectl(&delete).await?;
        ensure!(said.contains("jobs-demo"), "no namespace of jobs: {said}");
        Ok(())
    }

    async fn helm(&self, words: &[&str]) -> Result<()> {
        let common = ["--namespace", NAME, "--wait", "--timeout", "5m"];
        let Err(failure) = run(&self.helm, &[words, &common].concat()).await else {
            return Ok(());
        };
        // Helm says what is not ready, and only the cluster why.
        let warnings = [
            "get",
            "events",
            "--all-namespaces",
            "--field-selector=type=Warning",
        ];
        let warnings = self.kubectl(&warnings).await?;
        Err(failure.context(format!("the cluster warns:\n{warnings}")))
    }

    async fn kubectl(&self, words: &[&str]) -> Result<String> {
        self.kubectl
            .run(&[&["--namespace", NAME], words].concat(), None)
            .await
    }
}

/// The registry that the demo image is in.
fn registry() -> Result<String> {
    let image = demo_image()?;
    let (registry, _) = image
        .split_once('/')
        .context("DEMO_IMAGE names no registry")?;
    Ok(registry.to_owned())
}

async fn run(program: &Path, words: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(words)
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} {words:?}: {errors}",
        program.display()
    );
    Ok(String::from_utf8(output.stdout)?)
}
