//! Room on the disk: without it a cluster starts and then takes no pods, and says so only
//! in a condition of its node.

use anyhow::{Context, Result, bail};
use nix::sys::statvfs::statvfs;

use crate::root::Root;

/// Below this the kubelet starts no pods and evicts those it has, in MiB.
pub(crate) const KUBELET_KEEPS_FREE: u64 = 256;
/// What a run of all tests writes after Kubernetes has started, and some to spare, in MiB.
const NEEDED: u64 = 4 * 1024;

/// Refuses a disk on which the cluster would come up and then run nothing.
pub(crate) fn check(root: &Root) -> Result<()> {
    let disk = statvfs(root.dir())
        .with_context(|| format!("cannot ask for the room in {}", root.dir().display()))?;
    let free = disk.blocks_available() * disk.fragment_size() / (1024 * 1024);
    if free < NEEDED {
        bail!(
            "{} has {free} MiB free, and Kubernetes with the tests' databases needs {NEEDED}: \
             make room (`cargo clean` gives back what was built)",
            root.dir().display()
        );
    }
    Ok(())
}
