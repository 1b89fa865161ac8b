//! What gives Services their addresses and names: kube-proxy and `CoreDNS`.
//!
//! kube-proxy rewrites the rules of the network it is in. So both run only in a network
//! namespace that the caller made (`unshare --net devstack with services …`), where no
//! rules but theirs are, and everything ends with it.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::command::{need, run};
use crate::containerd;
use crate::kubernetes::{kubeconfig, program};
use crate::ports;
use crate::process;
use crate::ready::until_ready;
use crate::root::Root;
use crate::wait::answers;

pub(crate) const PROXY: &str = "kube-proxy";
pub(crate) const DNS: &str = "coredns";
/// The addresses of Services.
pub(crate) const RANGE: &str = "10.96.0.0/16";
const LIMIT: Duration = Duration::from_mins(1);

/// Whether this root's cluster has them.
pub(crate) fn is_wanted(root: &Root) -> Result<bool> {
    Ok(root.state().read()?.services)
}

/// Where the API server and the names are found: at this end of the pods' bridge, where
/// pods and containers reach them too, and without Services on loopback.
pub(crate) fn address(root: &Root) -> Result<String> {
    Ok(if is_wanted(root)? {
        format!("10.{}.0.1", containerd::subnet(root)?)
    } else {
        "127.0.0.1".to_owned()
    })
}

/// Refuses the machine's own network, and makes a new one usable.
pub(crate) async fn prepare() -> Result<()> {
    let routes = fs::read_to_string("/proc/net/route")?;
    let leads_outside = |route: &str| route.split_whitespace().nth(1) == Some("00000000");
    ensure!(
        !routes.lines().any(leads_outside),
        "Services need a network of their own; start this with: unshare --net"
    );
    run(Command::new(need("ip")?).args(["link", "set", "dev", "lo", "up"]))
        .await
        .map(drop)
}

/// Starts kube-proxy unless it runs.
pub(crate) async fn ensure_proxy(root: &Root) -> Result<bool> {
    if process::is_running(root, PROXY)? {
        return Ok(false);
    }
    // Without a route, this machine's own programs would not even try.
    let bridge = containerd::bridge(root);
    run(Command::new(need("ip")?).args(["route", "replace", RANGE, "dev", &bridge])).await?;
    let health = ports::claim(root, PROXY)?;
    let metrics = ports::claim(root, "kube-proxy-metrics")?;
    program(PROXY)?
        .args([
            format!("--kubeconfig={}", kubeconfig(root).display()),
            format!("--cluster-cidr=10.{}.0.0/16", containerd::subnet(root)?),
            format!("--healthz-bind-address=127.0.0.1:{health}"),
            format!("--metrics-bind-address=127.0.0.1:{metrics}"),
        ])
        .args([
            "--proxy-mode=iptables",
            "--hostname-override=localhost",
            // Two pods share a bridge: what goes to a Service must come back through it.
            "--masquerade-all",
            // Limits of the whole machine are not ours to set.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ])
        .start(root)?;
    let health = format!("http://127.0.0.1:{health}/livez");
    until_ready(root, PROXY, LIMIT, || answers(&health)).await?;
    Ok(true)
}

/// Starts `CoreDNS` unless it runs.
pub(crate) async fn ensure_dns(root: &Root) -> Result<bool> {
    if process::is_running(root, DNS)? {
        return Ok(false);
    }
    let health = ports::claim(root, DNS)?;
    let rules = format!(
        ".:53 {{\n  bind {address}\n  errors\n  health 127.0.0.1:{health}\n  \
         kubernetes cluster.local {{\n    kubeconfig {kubeconfig}\n    ttl 1\n  }}\n}}\n",
        address = address(root)?,
        kubeconfig = kubeconfig(root).display(),
    );
    let rules = root.write("kubernetes/Corefile", &rules)?;
    program(DNS)?
        .args(["-conf".into(), rules.into_os_string()])
        .start(root)?;
    let health = format!("http://127.0.0.1:{health}/health");
    until_ready(root, DNS, LIMIT, || answers(&health)).await?;
    Ok(true)
}
