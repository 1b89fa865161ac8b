//! What a node is made of and Debian does not have as it must be: Kubernetes in one
//! binary, and a containerd that loses no output. Built once, kept outside the checkout.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::command::{find, run_logged};
use crate::root::{Root, checkout, short_hash};

const KUBERNETES_VERSION: &str = "v1.34.4";
const KUBERNETES: &str = "dev-kubernetes";
/// What the binary behaves as, by the name it is started under.
const COMPONENTS: [&str; 8] = [
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
];

const CONTAINERD_VERSION: &str = "2.2.9";
/// Tools of their module, each a program.
const CONTAINERD: [&str; 3] = ["containerd", "containerd-shim-runc-v2", "ctr"];

/// The folder that holds every program under its name.
pub(crate) fn folder() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let source = source();
    let mut bytes = Vec::new();
    for file in [
        "go.mod",
        "go.sum",
        "main.go",
        "containerd/go.mod",
        "containerd/go.sum",
    ] {
        let path = source.join(file);
        bytes.extend(fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let hash = short_hash(&bytes);
    Ok(cache.join(format!("escapement/{KUBERNETES}-{hash}")))
}

/// Whether [`build`] would have work to do.
pub(crate) fn are_built() -> bool {
    folder().is_ok_and(|folder| has_all(&folder, &COMPONENTS) && has_all(&folder, &CONTAINERD))
}

fn has_all(folder: &Path, names: &[&str]) -> bool {
    names.iter().all(|name| folder.join(name).exists())
}

/// Builds what was not built of this very source before; true when there was any.
pub(crate) async fn build(root: &Root) -> Result<bool> {
    if are_built() {
        return Ok(false);
    }
    let folder = folder()?;
    let go = find("go")
        .or_else(|| Some(PathBuf::from("/usr/local/go/bin/go")).filter(|go| go.is_file()))
        .context("the Go toolchain (1.25 or newer) is missing; see https://go.dev/dl")?;
    // Nothing of a failed build may be taken for a program.
    let fresh = folder.join(format!("new.{}", std::process::id()));
    fs::create_dir_all(&fresh)?;
    let built = async {
        if !has_all(&folder, &CONTAINERD) {
            run_logged(&mut containerd(&go, &fresh), &root.log("containerd-build")).await?;
            for name in CONTAINERD {
                fs::rename(fresh.join(name), folder.join(name))?;
            }
        }
        if !has_all(&folder, &COMPONENTS) {
            run_logged(
                &mut kubernetes(&go, &fresh),
                &root.log("dev-kubernetes-build"),
            )
            .await?;
            fs::rename(fresh.join(KUBERNETES), folder.join(KUBERNETES))?;
            for name in COMPONENTS {
                let link = folder.join(name);
                let _ = fs::remove_file(&link);
                symlink(KUBERNETES, &link)?;
            }
        }
        Ok(true)
    };
    let built = built.await;
    let _ = fs::remove_dir_all(&fresh);
    built
}

fn source() -> PathBuf {
    checkout().join(Path::new("deploy/dev-kubernetes"))
}

fn kubernetes(go: &Path, fresh: &Path) -> Command {
    let version = "-X k8s.io/component-base/version";
    let (major, minor) = ("1", "34");
    let flags = format!(
        "-s -w {version}.gitVersion={KUBERNETES_VERSION} {version}.gitMajor={major} \
         {version}.gitMinor={minor}"
    );
    let mut command = go_build(go, &source(), &flags);
    command.arg("-o").arg(fresh.join(KUBERNETES)).arg(".");
    command
}

fn containerd(go: &Path, fresh: &Path) -> Command {
    let version = "github.com/containerd/containerd/v2/version.Version";
    let flags = format!("-s -w -X {version}={CONTAINERD_VERSION}");
    let mut command = go_build(go, &source().join("containerd"), &flags);
    command
        // Snapshotters that need libraries of the system.
        .args(["-tags", "no_btrfs no_devmapper no_zfs", "-o"])
        .arg(fresh)
        .arg("tool");
    command
}

fn go_build(go: &Path, module: &Path, linker_flags: &str) -> Command {
    let mut command = Command::new(go);
    command.current_dir(module).env("CGO_ENABLED", "0").args([
        "build",
        "-trimpath",
        "-ldflags",
        linker_flags,
    ]);
    command
}
