//! The control plane: etcd, API server, controller manager, scheduler, all on loopback.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tokio::process::Command;

use crate::binaries;
use crate::command::run;
use crate::credentials;
use crate::ports;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::rights;
use crate::root::Root;
use crate::service_network;

pub(crate) const ETCD: &str = "etcd";
pub(crate) const APISERVER: &str = "kube-apiserver";
pub(crate) const CONTROLLERS: &str = "kube-controller-manager";
pub(crate) const SCHEDULER: &str = "kube-scheduler";
const LIMIT: Duration = Duration::from_mins(2);

/// The administrator's kubeconfig of this root.
pub(crate) fn kubeconfig(root: &Root) -> PathBuf {
    root.path("kubernetes/kubeconfig")
}

/// The kubectl program on this root's cluster.
pub(crate) fn kubectl(root: &Root, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(binaries::folder()?.join("kubectl"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig(root))
        .args(args)
        .env("HOME", root.dir());
    Ok(command)
}

/// Starts a component by its name under which the binary behaves as it.
pub(crate) fn program(name: &str) -> Result<Program> {
    Ok(Program::new(name, binaries::folder()?.join(name)))
}

/// Starts etcd unless it runs.
pub(crate) async fn ensure_etcd(root: &Root) -> Result<bool> {
    if process::is_running(root, ETCD)? {
        return Ok(false);
    }
    let client = format!("http://127.0.0.1:{}", ports::claim(root, ETCD)?);
    let peer = format!("http://127.0.0.1:{}", ports::claim(root, "etcd-peer")?);
    let data = root.folder("kubernetes")?.join("etcd");
    program(ETCD)?
        .args([format!("--data-dir={}", data.display())])
        .args([format!("--listen-client-urls={client}")])
        .args([format!("--advertise-client-urls={client}")])
        .args([format!("--listen-peer-urls={peer}")])
        .args([format!("--initial-advertise-peer-urls={peer}")])
        .args([format!("--initial-cluster=default={peer}")])
        // A crash of the machine may lose this cluster; a crash of etcd does not.
        .args(["--unsafe-no-fsync", "--log-level=warn"])
        .start(root)?;
    let health = format!("{client}/health");
    until_ready(root, ETCD, LIMIT, || crate::wait::answers(&health)).await?;
    Ok(true)
}

/// Starts the API server unless it runs, and writes the kubeconfig.
pub(crate) async fn ensure_apiserver(root: &Root) -> Result<bool> {
    if process::is_running(root, APISERVER)? {
        return Ok(false);
    }
    credentials::make(root).await?;
    let port = ports::claim(root, APISERVER)?;
    let etcd = ports::known(root, ETCD)?;
    let path = |file: &str| root.path("kubernetes").join(file).display().to_string();
    program(APISERVER)?
        .args([
            format!("--etcd-servers=http://127.0.0.1:{etcd}"),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", path("certificates")),
            format!("--token-auth-file={}", path("tokens.csv")),
            format!(
                "--service-account-signing-key-file={}",
                path("accounts.key")
            ),
            format!("--service-account-key-file={}", path("accounts.key")),
            format!(
                "--kubelet-client-certificate={}",
                path("kubelet-client.crt")
            ),
            format!("--kubelet-client-key={}", path("kubelet-client.key")),
        ])
        .args(listening(root)?)
        .args(rights::auditing(root)?)
        .args([
            &format!("--service-cluster-ip-range={}", service_network::RANGE),
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--feature-gates=ImageVolume=true",
            "--kubelet-preferred-address-types=Hostname",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
            "--profiling=false",
            "--v=1",
        ])
        .start(root)?;
    until_api_answers(root, port).await?;
    Ok(true)
}

/// On loopback only, and where there are Services for pods too, who know the API server as
/// the Service `kubernetes`.
fn listening(root: &Root) -> Result<[String; 3]> {
    let address = service_network::address(root)?;
    let (bind, endpoints) = if service_network::is_wanted(root)? {
        ("0.0.0.0", "lease")
    } else {
        (address.as_str(), "none")
    };
    Ok([
        format!("--bind-address={bind}"),
        format!("--advertise-address={address}"),
        format!("--endpoint-reconciler-type={endpoints}"),
    ])
}

/// The certificate is made by the server itself, so the kubeconfig comes after its start.
async fn until_api_answers(root: &Root, port: u16) -> Result<()> {
    let certificate = root.path("kubernetes/certificates/apiserver.crt");
    until_ready(root, APISERVER, LIMIT, || async { certificate.exists() }).await?;
    let token = root.state().secret("kubernetes")?;
    credentials::write_kubeconfig(root, port, ("kubernetes/kubeconfig", "admin", &token)).await?;
    let ready = || async {
        let Ok(mut command) = kubectl(root, &["get", "--raw", "/readyz"]) else {
            return false;
        };
        run(&mut command).await.is_ok()
    };
    until_ready(root, APISERVER, LIMIT, ready).await?;
    rights::grant(root, port).await
}

/// Starts the controller manager unless it runs.
pub(crate) async fn ensure_controllers(root: &Root) -> Result<bool> {
    if process::is_running(root, CONTROLLERS)? {
        return Ok(false);
    }
    let port = ports::claim(root, CONTROLLERS)?;
    let path = |file: &str| root.path("kubernetes").join(file).display().to_string();
    program(CONTROLLERS)?
        .args([
            format!("--kubeconfig={}", kubeconfig(root).display()),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", path("controller-manager")),
            format!(
                "--service-account-private-key-file={}",
                path("accounts.key")
            ),
            format!("--root-ca-file={}", path("certificates/apiserver.crt")),
        ])
        .args([
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--concurrent-job-syncs=50",
            "--concurrent-cron-job-syncs=50",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
        ])
        .start(root)?;
    until_healthy(root, CONTROLLERS, port).await?;
    Ok(true)
}

/// Starts the scheduler unless it runs.
pub(crate) async fn ensure_scheduler(root: &Root) -> Result<bool> {
    if process::is_running(root, SCHEDULER)? {
        return Ok(false);
    }
    let port = ports::claim(root, SCHEDULER)?;
    let certificates = root.path("kubernetes/scheduler");
    program(SCHEDULER)?
        .args([
            format!("--kubeconfig={}", kubeconfig(root).display()),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", certificates.display()),
        ])
        .args([
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
        ])
        .start(root)?;
    until_healthy(root, SCHEDULER, port).await?;
    Ok(true)
}

/// kubectl also asks a component that is not the API server, with its own certificate.
async fn until_healthy(root: &Root, name: &str, port: u16) -> Result<()> {
    let server = format!("--server=https://127.0.0.1:{port}");
    let args = [
        &server,
        "--insecure-skip-tls-verify",
        "--token=none",
        "get",
        "--raw",
        "/healthz",
    ];
    let healthy = || async {
        let mut command = Command::new("/bin/false");
        if let Ok(folder) = binaries::folder() {
            command = Command::new(folder.join("kubectl"));
        }
        command
            .args(args.map(AsRef::<str>::as_ref))
            .env("HOME", root.dir());
        run(command.env("KUBECONFIG", "/dev/null")).await.is_ok()
    };
    until_ready(root, name, LIMIT, healthy).await
}
