//! What containerd is told.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{PAUSE_IMAGE, PLUGINS, is_debians, program, socket, state};
use crate::root::Root;

/// What holds the containers of a pod.
const SHIM: &str = "containerd-shim-runc-v2";

/// The configuration file of the one that the node has.
pub(super) fn config(root: &Root) -> Result<String> {
    let config = Config {
        // Neither reads what the other has written.
        data: root.path(if is_debians() {
            "containerd/debian"
        } else {
            "containerd/root"
        }),
        state: state(root),
        socket: socket(root),
        networks: root.path("containerd/net.d"),
        registries: root.path("containerd/certs.d"),
    };
    Ok(if is_debians() {
        config.of_1_6()
    } else {
        config.of_2(&program(SHIM)?)
    })
}

struct Config {
    data: PathBuf,
    state: PathBuf,
    socket: PathBuf,
    networks: PathBuf,
    registries: PathBuf,
}

impl Config {
    fn of_2(&self, shim: &Path) -> String {
        format!(
            r#"version = 3
root = "{data}"
state = "{state}/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{registries}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_path = "{shim}"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{PLUGINS}"]
  conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri"]
  disable_tcp_service = true
# Its socket has one place on a machine, and there may be several of us.
[plugins."io.containerd.nri.v1.nri"]
  disable = true
"#,
            data = self.data.display(),
            state = self.state.display(),
            socket = self.socket.display(),
            networks = self.networks.display(),
            registries = self.registries.display(),
            shim = shim.display(),
        )
    }

    fn of_1_6(&self) -> String {
        format!(
            r#"version = 2
root = "{data}"
state = "{state}/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{PLUGINS}"
  conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{registries}"
"#,
            data = self.data.display(),
            state = self.state.display(),
            socket = self.socket.display(),
            networks = self.networks.display(),
            registries = self.registries.display(),
        )
    }
}
