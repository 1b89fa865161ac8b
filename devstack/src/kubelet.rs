//! The node: a real kubelet on this root's containerd, in a cgroup of its own.

use std::fs;
use std::time::Duration;

use anyhow::Result;

use crate::cgroup;
use crate::command::run;
use crate::containerd;
use crate::kubernetes::{kubeconfig, kubectl, program};
use crate::ports;
use crate::process;
use crate::ready::until_ready;
use crate::room;
use crate::root::Root;
use crate::service_network;

pub(crate) const NAME: &str = "kubelet";
/// The name of the only node.
const NODE: &str = "localhost";

/// Starts it unless it runs and waits for the node to be Ready; true when started.
pub(crate) async fn ensure(root: &Root) -> Result<bool> {
    if process::is_running(root, NAME)? {
        return Ok(false);
    }
    cgroup::create(root)?;
    let config = serde_json::to_string_pretty(&config(root)?)?;
    let config = root.write("kubelet/config.json", &config)?;
    let mut own = Vec::new();
    if service_network::is_wanted(root)? {
        // It would look for the device of the default route, and there is none.
        own.push(format!("--node-ip={}", service_network::address(root)?));
    }
    program(NAME)?
        .args(own)
        .args([
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", kubeconfig(root).display()),
            format!("--root-dir={}", root.folder("kubelet/root")?.display()),
            format!(
                "--cert-dir={}",
                root.folder("kubelet/certificates")?.display()
            ),
            format!("--hostname-override={NODE}"),
        ])
        .start(root)?;
    until_ready(root, NAME, Duration::from_mins(2), || async {
        node_is_ready(root).await.unwrap_or(false)
    })
    .await?;
    Ok(true)
}

/// Ready again, by a heartbeat newer than this kubelet's start, and able to take pods.
async fn node_is_ready(root: &Root) -> Result<bool> {
    let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}{.spec.taints}";
    let node = run(&mut kubectl(root, &["get", "node", NODE, "-o", path])?).await?;
    let account = ["get", "serviceaccount", "default", "-o", "name"];
    Ok(node.trim() == "True" && run(&mut kubectl(root, &account)?).await.is_ok())
}

fn config(root: &Root) -> Result<serde_json::Value> {
    let socket = format!("unix://{}", containerd::socket(root).display());
    let free = format!("{}Mi", room::KUBELET_KEEPS_FREE);
    let resolv = root.write("kubelet/resolv.conf", "")?;
    // cgroup v1 machines are refused unless told otherwise; v2 ones do not care.
    let hybrid = !fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or(false);
    Ok(serde_json::json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": ports::claim(root, NAME)?,
        "healthzPort": ports::claim(root, "kubelet-health")?,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": false },
            "x509": { "clientCAFile": root.path("kubernetes/kubelet-client.crt") },
        },
        "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": socket,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup::name(root),
        "enforceNodeAllocatable": [],
        "failCgroupV1": !hybrid,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        "resolvConf": resolv,
        // Where there is no DNS server, a lookup is refused at once and no pod warns about it.
        "clusterDNS": [service_network::address(root)?],
        "clusterDomain": "cluster.local",
        "featureGates": { "ImageVolume": true },
        "podLogsDir": root.folder("pods")?,
        "volumePluginDir": root.folder("kubelet/plugins")?,
        "serializeImagePulls": false,
        "registryPullQPS": 0,
        "registryBurst": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 500,
        "kubeAPIBurst": 1000,
        "maxPods": 250,
        "nodeStatusUpdateFrequency": "5s",
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": free,
            "nodefs.inodesFree": "1%",
            "imagefs.available": free,
            "imagefs.inodesFree": "1%",
        },
    }))
}
