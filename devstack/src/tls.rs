//! The certificate of Postgres and RabbitMQ, and who vouches for it.

use std::path::PathBuf;

use anyhow::Result;
use tokio::process::Command;

use crate::command::{need, run};
use crate::root::Root;

/// Who vouches.
pub(crate) const AUTHORITY: &str = "tls/ca.crt";
/// For 127.0.0.1, and for no name: so that one can connect under a wrong one.
pub(crate) const CERTIFICATE: &str = "tls/server.crt";
/// Its key.
pub(crate) const KEY: &str = "tls/server.key";

const SIMPLE: [&str; 8] = [
    "req", "-x509", "-nodes", "-days", "3650", "-newkey", "ec", "-pkeyopt",
];

/// Makes them once per root.
pub(crate) async fn make(root: &Root) -> Result<()> {
    let folder = root.folder("tls")?;
    if root.path(CERTIFICATE).exists() {
        return Ok(());
    }
    let openssl = need("openssl")?;
    let (ca, ca_key) = (root.path(AUTHORITY), folder.join("ca.key"));
    let mut authority = Command::new(&openssl);
    authority
        .args(SIMPLE)
        .args([
            "ec_paramgen_curve:prime256v1",
            "-subj",
            "/CN=Escapement dev",
        ])
        .arg("-keyout")
        .arg(&ca_key)
        .arg("-out")
        .arg(&ca);
    run(&mut authority).await?;
    let made: PathBuf = folder.join("server.crt.new");
    let mut server = Command::new(&openssl);
    server
        .args(SIMPLE)
        .args(["ec_paramgen_curve:prime256v1", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-CA"])
        .arg(&ca)
        .arg("-CAkey")
        .arg(&ca_key)
        .arg("-keyout")
        .arg(root.path(KEY))
        .arg("-out")
        .arg(&made);
    run(&mut server).await?;
    // Last, as it says that all are there.
    std::fs::rename(made, root.path(CERTIFICATE))?;
    Ok(())
}
