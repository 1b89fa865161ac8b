//! Ends everything a root started, whether it was started by this process or by
//! one that crashed, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::command::run;
use crate::infra::stop;
use crate::root::Root;
use crate::wait::until;
use crate::{
    cgroup, containerd, kubelet, kubernetes, postgres, process, registry, service_network,
};

/// Stops all processes in order and removes mounts, cgroups and network devices.
/// Data stays, so that the next start goes on with it.
pub async fn down(root: &Root) -> Result<()> {
    let infrastructure = [
        kubelet::NAME,
        kubernetes::SCHEDULER,
        kubernetes::CONTROLLERS,
        kubernetes::APISERVER,
        service_network::PROXY,
        service_network::DNS,
        kubernetes::ETCD,
        containerd::NAME,
        registry::NAME,
        postgres::NAME,
    ];
    let recorded: Vec<String> = root.state().read()?.processes.into_keys().collect();
    let is_broker = |name: &&String| name.contains(crate::rabbitmq::NAME);
    let is_service = |name: &&String| !infrastructure.contains(&name.as_str()) && !is_broker(name);
    stop_together(root, recorded.iter().filter(is_service)).await?;
    stop(root, kubelet::NAME).await?;
    cgroup::remove(root).await?;
    end_shims(root).await?;
    let control = [
        kubernetes::SCHEDULER,
        kubernetes::CONTROLLERS,
        kubernetes::APISERVER,
        service_network::PROXY,
        service_network::DNS,
    ];
    let rest = [containerd::NAME, registry::NAME, postgres::NAME];
    let rest = rest.iter().map(|name| (*name).to_owned());
    let brokers = recorded.iter().filter(is_broker).cloned();
    let control = control.iter().map(|name| (*name).to_owned());
    let all: Vec<String> = control.chain(rest).chain(brokers).collect();
    stop_together(root, all.iter()).await?;
    stop(root, kubernetes::ETCD).await?;
    process::sweep(root);
    unmount(root)?;
    remove_bridge(root).await?;
    let _ = fs::remove_dir_all(containerd::state(root));
    Ok(())
}

async fn stop_together<'a>(root: &Root, names: impl Iterator<Item = &'a String>) -> Result<()> {
    try_join_all(names.map(|name| stop(root, name)))
        .await
        .map(drop)
}

/// The shims of our containerd: they outlive it by design, and name its socket.
async fn end_shims(root: &Root) -> Result<()> {
    let socket = containerd::socket(root).display().to_string();
    until(
        "every containerd-shim is gone",
        Duration::from_secs(20),
        || async {
            let shims: Vec<i32> = shims(&socket);
            for pid in &shims {
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            shims.is_empty()
        },
    )
    .await
}

fn shims(socket: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let mut words = line.split('\0');
        let shim = words.next()?.contains("containerd-shim");
        (shim && words.any(|word| word == socket)).then_some(pid)
    });
    found.collect()
}

/// Unmounts what is mounted below the root, innermost first.
fn unmount(root: &Root) -> Result<()> {
    for mount in mounts(root)?.iter().rev() {
        umount2(mount, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

/// Mounts below this root, but not below another root inside it.
pub(crate) fn mounts(root: &Root) -> Result<Vec<PathBuf>> {
    let nested = root.path("test");
    let (dir, state) = (root.dir(), containerd::state(root));
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    Ok(points
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(dir) || point.starts_with(&state))
        .filter(|point| !point.starts_with(&nested))
        .collect())
}

async fn remove_bridge(root: &Root) -> Result<()> {
    if containerd::has_bridge(root) {
        let bridge = containerd::bridge(root);
        run(Command::new("ip").args(["link", "delete", &bridge])).await?;
    }
    Ok(())
}

/// Removes everything a stopped root has, except the lock its session holds.
pub(crate) fn forget(root: &Root) -> Result<()> {
    for entry in fs::read_dir(root.dir())?.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)?;
        } else if entry.file_name() != "lock" {
            fs::remove_file(&path)?;
        }
    }
    let outside = Path::new(postgres::OUTSIDE).join(root.id());
    if outside.exists() {
        fs::remove_dir_all(outside)?;
    }
    fs::create_dir_all(root.path("logs"))?;
    Ok(())
}
