//! The single-binary Kubernetes: built once, kept outside the checkout.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::command::{find, run_logged};
use crate::root::{Root, checkout, short_hash};

const VERSION: &str = "v1.34.4";
const BINARY: &str = "dev-kubernetes";
const NAMES: [&str; 6] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kubelet",
];

/// The folder that holds the binary under each of its names.
pub(crate) fn folder() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let source = source();
    let mut bytes = Vec::new();
    for file in ["go.mod", "go.sum", "main.go"] {
        let path = source.join(file);
        bytes.extend(fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let hash = short_hash(&bytes);
    Ok(cache.join(format!("escapement/{BINARY}-{hash}")))
}

/// Whether [`build`] would have work to do.
pub(crate) fn is_built() -> bool {
    folder().is_ok_and(|folder| NAMES.iter().all(|name| folder.join(name).exists()))
}

/// Builds the binary unless this very source was built before; true when it was built now.
pub(crate) async fn build(root: &Root) -> Result<bool> {
    let folder = folder()?;
    if is_built() {
        return Ok(false);
    }
    let go = find("go")
        .or_else(|| Some(PathBuf::from("/usr/local/go/bin/go")).filter(|go| go.is_file()))
        .context("the Go toolchain (1.24 or newer) is missing; see https://go.dev/dl")?;
    fs::create_dir_all(&folder)?;
    let fresh = folder.join(format!("{BINARY}.{}", std::process::id()));
    let mut command = Command::new(go);
    command
        .current_dir(source())
        .env("CGO_ENABLED", "0")
        .args(["build", "-trimpath", "-ldflags", &linker_flags(), "-o"])
        .args([fresh.as_os_str(), ".".as_ref()]);
    let built = run_logged(&mut command, &root.log("dev-kubernetes-build")).await;
    if built.is_err() {
        // Nothing of a failed build may stay; there may be no file at all.
        let _ = fs::remove_file(&fresh);
    }
    built?;
    fs::rename(&fresh, folder.join(BINARY))?;
    for name in NAMES {
        let link = folder.join(name);
        let _ = fs::remove_file(&link);
        symlink(BINARY, &link)?;
    }
    Ok(true)
}

fn source() -> PathBuf {
    checkout().join(Path::new("deploy/dev-kubernetes"))
}

fn linker_flags() -> String {
    let version = "-X k8s.io/component-base/version";
    let (major, minor) = ("1", "34");
    format!(
        "-s -w {version}.gitVersion={VERSION} {version}.gitMajor={major} {version}.gitMinor={minor}"
    )
}
