//! Debian packages the stack is made of: found by their files, installed when root.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::command::{find, run_logged};
use crate::part::Part;
use crate::root::Root;

/// A Debian package and how its presence is seen.
struct Package {
    name: &'static str,
    part: Part,
    present: fn() -> bool,
}

const PACKAGES: &[Package] = &[
    package("postgresql", Part::Postgres, || {
        crate::postgres::programs().is_some()
    }),
    package("rabbitmq-server", Part::RabbitMq, || {
        Path::new(crate::rabbitmq::SERVER).is_file()
    }),
    package("runc", Part::Kubernetes, || find("runc").is_some()),
    package("containerd", Part::Kubernetes, || {
        !crate::containerd::is_debians() || find("containerd").is_some()
    }),
    package("containernetworking-plugins", Part::Kubernetes, || {
        Path::new(crate::containerd::PLUGINS)
            .join("bridge")
            .is_file()
    }),
    package("busybox-static", Part::Kubernetes, has_static_busybox),
    package("docker-registry", Part::Kubernetes, || {
        find("docker-registry").is_some()
    }),
    package("skopeo", Part::Kubernetes, || find("skopeo").is_some()),
    package("umoci", Part::Kubernetes, || find("umoci").is_some()),
    package("iproute2", Part::Kubernetes, || find("ip").is_some()),
    package("iptables", Part::Services, || find("iptables").is_some()),
    package("openssl", Part::Postgres, || find("openssl").is_some()),
    package("openssl", Part::RabbitMq, || find("openssl").is_some()),
    package("openssl", Part::Kubernetes, || find("openssl").is_some()),
    package("gcc", Part::Kubernetes, || find("gcc").is_some()),
    package("libc6-dev", Part::Kubernetes, || {
        Path::new("/usr/include/stdio.h").is_file()
    }),
    package("python3-venv", Part::Python, || {
        // Debian's python3 has `venv` but not what it needs.
        std::process::Command::new("python3")
            .args(["-c", "import ensurepip, venv"])
            .output()
            .is_ok_and(|output| output.status.success())
    }),
];

const fn package(name: &'static str, part: Part, present: fn() -> bool) -> Package {
    Package {
        name,
        part,
        present,
    }
}

/// The names of the packages missing for these parts.
pub(crate) fn missing(parts: &[Part]) -> Vec<&'static str> {
    PACKAGES
        .iter()
        .filter(|package| parts.contains(&package.part) && !(package.present)())
        .map(|package| package.name)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Installs what is missing through apt-get, or says in one line what to install.
pub(crate) async fn install(root: &Root, parts: &[Part]) -> Result<Option<String>> {
    let names = missing(parts);
    if names.is_empty() {
        return Ok(None);
    }
    let list = names.join(" ");
    if !nix::unistd::Uid::effective().is_root() || find("apt-get").is_none() {
        bail!(
            "packages are missing; install them with: apt-get install --no-install-recommends {list}"
        );
    }
    let log = root.log("packages");
    // An outdated list is no failure while the packages can be had.
    let update = run_logged(apt().arg("update"), &log).await;
    let guard = NoDaemons::set()?;
    let install = run_logged(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&names),
        &log,
    )
    .await;
    drop(guard);
    install
        .and(update)
        .with_context(|| format!("cannot install {list}"))?;
    let left = missing(parts);
    if !left.is_empty() {
        bail!("installed, but still not found: {}", left.join(" "));
    }
    Ok(Some(list))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-q", "-o", "DPkg::Lock::Timeout=300"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("NEEDRESTART_SUSPEND", "1");
    command
}

/// Debian's `busybox` has the same file, linked dynamically: of no use in an empty image.
fn has_static_busybox() -> bool {
    Path::new("/var/lib/dpkg/info/busybox-static.list").is_file()
}

/// Keeps apt from starting the daemons it installs, as a policy-rc.d of Debian does.
///
/// A policy that is there already is put aside and comes back, also after a
/// crash: the next run finds it.
struct NoDaemons;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const KEPT: &str = "/usr/sbin/policy-rc.d.before-escapement";
const TEXT: &str = "#!/bin/sh\n# escapement devstack: start no daemon now\nexit 101\n";

impl NoDaemons {
    fn set() -> Result<Self> {
        Self::restore();
        if Path::new(POLICY).exists() {
            fs::rename(POLICY, KEPT)?;
        }
        let fresh = PathBuf::from(POLICY);
        fs::write(&fresh, TEXT).context("cannot write policy-rc.d")?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
        Ok(Self)
    }

    fn restore() {
        if fs::read_to_string(POLICY).is_ok_and(|text| text == TEXT) {
            // Best effort: a leftover says in its text whose it is.
            let _ = fs::remove_file(POLICY);
        }
        if Path::new(KEPT).exists() && !Path::new(POLICY).exists() {
            let _ = fs::rename(KEPT, POLICY);
        }
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        Self::restore();
    }
}
