//! The cgroup all pods of a root are below: the kernel's own list of what they started.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::root::Root;
use crate::wait::until;

const MOUNT: &str = "/sys/fs/cgroup";

/// The path of the cgroup inside each hierarchy.
pub(crate) fn name(root: &Root) -> String {
    format!("/escapement-{}", root.id())
}

/// Creates it in every hierarchy; the kubelet wants it to exist.
pub(crate) fn create(root: &Root) -> Result<()> {
    if Path::new(MOUNT).join("cgroup.controllers").exists() {
        let controllers = Path::new(MOUNT).join("cgroup.subtree_control");
        for one in ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"] {
            // A controller this kernel does not have is refused.
            let _ = fs::write(&controllers, format!("+{one}"));
        }
    }
    for parent in hierarchies() {
        let folder = parent.join(&name(root)[1..]);
        if !folder.exists() {
            fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        }
        for setting in ["cpuset.cpus", "cpuset.mems"] {
            // Version 1 starts a cpuset empty, and nothing could run in it.
            if parent.join("cgroup.sane_behavior").exists() && folder.join(setting).exists() {
                fs::write(folder.join(setting), fs::read(parent.join(setting))?)?;
            }
        }
    }
    Ok(())
}

/// Kills every process in it and removes it.
pub(crate) async fn remove(root: &Root) -> Result<()> {
    let tops: Vec<_> = hierarchies()
        .map(|parent| parent.join(&name(root)[1..]))
        .filter(|folder| folder.exists())
        .collect();
    until(
        "every container is gone",
        Duration::from_secs(30),
        || async {
            let members: Vec<i32> = tops.iter().flat_map(|top| processes(top)).collect();
            for pid in &members {
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            members.is_empty()
        },
    )
    .await?;
    until("every cgroup is gone", Duration::from_secs(10), || async {
        tops.iter().all(|top| remove_tree(top))
    })
    .await
}

/// The mounted hierarchies: many in version 1, one in version 2.
fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let unified = Path::new(MOUNT).join("cgroup.controllers").exists();
    let single = unified.then(|| PathBuf::from(MOUNT));
    let many = fs::read_dir(MOUNT).into_iter().flatten().flatten();
    let many = many
        .map(|entry| entry.path())
        .filter(move |path| !unified && path.is_dir() && !path.is_symlink());
    single.into_iter().chain(many)
}

fn processes(folder: &Path) -> Vec<i32> {
    let own = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter_map(|line| line.parse().ok());
    own.chain(children(folder).flat_map(|child| processes(&child)))
        .collect()
}

fn remove_tree(folder: &Path) -> bool {
    let below = children(folder).all(|child| remove_tree(&child));
    below && (!folder.exists() || fs::remove_dir(folder).is_ok())
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
}
