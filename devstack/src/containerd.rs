//! containerd with its own root, state, socket, bridge and pod network.
//!
//! It and its shim are those that were built beside Kubernetes, whatever else is
//! installed: Debian's throws away what a program wrote last when the machine is busy.
//! [`DEBIANS`] asks for that one, to see what is said of such logs.

mod config;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::binaries;
use crate::command::{need, run};
use crate::ports;
use crate::process::{self, Program};
use crate::ready::until_ready;
use crate::root::Root;

pub(crate) const NAME: &str = process::OUTLIVED;
/// Where Debian's containernetworking-plugins are.
pub(crate) const PLUGINS: &str = "/usr/lib/cni";
/// `debian` for the containerd of Debian's package.
const DEBIANS: &str = "ESCAPEMENT_DEVSTACK_CONTAINERD";
/// The image of every pod's sandbox.
pub(crate) const PAUSE_IMAGE: &str = "escapement.dev/pause:1";

/// Starts it unless it runs; true when it had to be started.
pub(crate) async fn ensure(root: &Root) -> Result<bool> {
    if process::is_running(root, NAME)? {
        return Ok(false);
    }
    // What is in it already are the pods that outlive a killed containerd; `down` clears it.
    fs::create_dir_all(state(root))?;
    network(root).await?;
    speak_http(root, ports::known(root, crate::registry::NAME)?)?;
    let config = root.write("containerd/config.toml", &config::config(root)?)?;
    Program::new(NAME, program(NAME)?)
        .args(["--config".into(), config.into_os_string()])
        .start(root)?;
    until_ready(root, NAME, Duration::from_mins(1), || async {
        let Ok(mut version) = ctr(root, &["version"]) else {
            return false;
        };
        run(&mut version).await.is_ok()
    })
    .await?;
    Ok(true)
}

/// Whether the node is to have Debian's.
pub(crate) fn is_debians() -> bool {
    std::env::var_os(DEBIANS).is_some_and(|whose| whose == "debian")
}

fn program(name: &str) -> Result<PathBuf> {
    if is_debians() {
        need(name)
    } else {
        Ok(binaries::folder()?.join(name))
    }
}

/// The socket of this root's containerd.
pub(crate) fn socket(root: &Root) -> PathBuf {
    // A socket's path is limited to 107 bytes, which a deep checkout exceeds.
    PathBuf::from(format!("/run/escapement-{}/containerd.sock", root.id()))
}

/// The folder of what lives no longer than the processes.
pub(crate) fn state(root: &Root) -> PathBuf {
    PathBuf::from(format!("/run/escapement-{}", root.id()))
}

/// A hardware address that nobody was given, of eight hex digits.
fn hardware_address(digits: &str) -> String {
    let octets = digits.as_bytes().chunks(2).map(String::from_utf8_lossy);
    octets.fold("02:00".to_owned(), |address, octet| address + ":" + &octet)
}

/// The name of the bridge; the kernel allows 15 bytes.
pub(crate) fn bridge(root: &Root) -> String {
    format!("esc{}", root.id())
}

/// The containerd client on the namespace Kubernetes uses.
pub(crate) fn ctr(root: &Root, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(program("ctr")?);
    command
        .arg("--address")
        .arg(socket(root))
        .args(["-n", "k8s.io"])
        .args(args);
    Ok(command)
}

/// Says that the loopback registry on that port speaks plain HTTP; read at each pull.
pub(crate) fn speak_http(root: &Root, port: u16) -> Result<()> {
    let content = format!(
        "server = \"http://127.0.0.1:{port}\"\n\
         [host.\"http://127.0.0.1:{port}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
    );
    root.write(
        format!("containerd/certs.d/127.0.0.1:{port}/hosts.toml"),
        &content,
    )
    .map(drop)
}

/// A bridge of its own; pods reach each other and the host, nothing is masqueraded.
///
/// It is made now and not by the first pod, so that another stack sees its route.
async fn network(root: &Root) -> Result<()> {
    let octet = subnet(root)?;
    if !has_bridge(root) {
        let (name, address) = (bridge(root), format!("10.{octet}.0.1/16"));
        // Without one of its own it takes the lowest of its pods', which changes as they come
        // and go, and who has learned it talks to nobody for up to a minute.
        let hardware = hardware_address(&root.id());
        for words in [
            [
                "link", "add", "name", &name, "address", &hardware, "type", "bridge",
            ]
            .as_slice(),
            &["address", "add", &address, "dev", &name],
            &["link", "set", "dev", &name, "up"],
        ] {
            run(Command::new(need("ip")?).args(words)).await?;
        }
    }
    let content = serde_json::json!({
        "cniVersion": "1.0.0",
        "name": bridge(root),
        "plugins": [{
            "type": "bridge",
            "bridge": bridge(root),
            "isGateway": true,
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": state(root).join("addresses"),
                "ranges": [[{ "subnet": format!("10.{octet}.0.0/16") }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }, { "type": "loopback" }],
    });
    let text = serde_json::to_string_pretty(&content)?;
    root.write("containerd/net.d/10-bridge.conflist", &text)
        .map(drop)
}

pub(crate) fn has_bridge(root: &Root) -> bool {
    // Not in /sys, which shows the network of who mounted it.
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let name = format!("{}:", bridge(root));
    devices
        .lines()
        .any(|line| line.trim_start().starts_with(&name))
}

/// The second octet of a pod network no route of this machine covers yet.
pub(crate) fn subnet(root: &Root) -> Result<u8> {
    let routes = fs::read_to_string("/proc/net/route")?;
    let used: Vec<u32> = routes
        .lines()
        .filter_map(|line| u32::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .map(u32::swap_bytes)
        .collect();
    let free = |octet: u8| {
        !used
            .iter()
            .any(|net| net >> 16 == 10 << 8 | u32::from(octet))
    };
    let first = u8::from_str_radix(&root.id()[..2], 16)? % 100;
    root.state().update(|state| {
        let octet = match state.subnet {
            // A bridge that is there holds its address already.
            Some(octet) if has_bridge(root) || free(octet) => octet,
            _ => (0..100)
                .map(|step| 100 + (first + step) % 100)
                .find(|octet| free(*octet))
                .context("no free pod network in 10.100.0.0 to 10.199.0.0")?,
        };
        state.subnet = Some(octet);
        Ok(octet)
    })
}
