//! Who may speak to the cluster: keys, tokens and the administrator's kubeconfig.

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::command::{need, run};
use crate::rights;
use crate::root::Root;
use crate::service_network;

/// Keys and tokens, made once per root.
pub(crate) async fn make(root: &Root) -> Result<()> {
    let folder = root.folder("kubernetes")?;
    let token = root.state().secret("kubernetes")?;
    root.write_private(
        "kubernetes/tokens.csv",
        &format!(
            "{token},admin,admin,\"system:masters\"\n{}",
            rights::tokens(root)?
        ),
    )?;
    let openssl = need("openssl")?;
    if !folder.join("accounts.key").exists() {
        let fresh = folder.join("accounts.key.new");
        let mut command = Command::new(&openssl);
        run(command.args(["genrsa", "-out"]).arg(&fresh).arg("2048")).await?;
        std::fs::rename(fresh, folder.join("accounts.key"))?;
    }
    if !folder.join("kubelet-client.crt").exists() {
        let mut command = Command::new(&openssl);
        command
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
            ])
            .args([
                "-subj",
                "/O=system:masters/CN=kube-apiserver-kubelet-client",
                "-keyout",
            ])
            .arg(folder.join("kubelet-client.key"))
            .arg("-out")
            .arg(folder.join("kubelet-client.crt"));
        run(&mut command).await?;
    }
    Ok(())
}

/// Writes a kubeconfig for the API server on that port: into which file, whose, and that
/// user's token.
pub(crate) async fn write_kubeconfig(
    root: &Root,
    port: u16,
    (file, user, token): (&str, &str, &str),
) -> Result<()> {
    let certificate = root.path("kubernetes/certificates/apiserver.crt");
    let mut encode = Command::new(need("base64")?);
    let authority = run(encode.arg("-w0").arg(certificate)).await?;
    let host = service_network::address(root)?;
    let content = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dev",
        "clusters": [{ "name": "dev", "cluster": {
            "server": format!("https://{host}:{port}"),
            "certificate-authority-data": authority.trim(),
        }}],
        "users": [{ "name": user, "user": { "token": token } }],
        "contexts": [{ "name": "dev", "context": { "cluster": "dev", "user": user } }],
    });
    let text = serde_json::to_string_pretty(&content).context("kubeconfig")?;
    root.write_private(file, &text).map(drop)
}
