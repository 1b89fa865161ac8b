//! Free loopback ports, remembered so that a restart keeps them.

use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use rand::RngExt as _;

use crate::root::Root;

/// Below the kernel's range for outgoing connections (32768 and up), so that a
/// client socket cannot sit on a port we remembered.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// The port of that name for a process about to start.
///
/// `ESCAPEMENT_PORT_<NAME>` decides where it is set, and must then be free.
/// Otherwise the remembered port is kept while it is free, or a new one chosen.
pub(crate) fn claim(root: &Root, name: &str) -> Result<u16> {
    let variable = format!(
        "ESCAPEMENT_PORT_{}",
        name.replace(['-', '.'], "_").to_uppercase()
    );
    let wished = match std::env::var(&variable) {
        Ok(text) => Some(parse(&variable, &text)?),
        Err(_) => None,
    };
    root.state().update(|state| {
        let port = match (wished, state.ports.get(name)) {
            (Some(port), _) | (None, Some(&port)) if is_free(port) => port,
            (Some(port), _) => bail!("port {port} for {name} (from {variable}) is taken"),
            (None, _) => choose(|port| state.ports.values().all(|used| *used != port))
                .with_context(|| format!("no free loopback port for {name}"))?,
        };
        state.ports.insert(name.to_owned(), port);
        Ok(port)
    })
}

/// The port a running process of that name was given.
pub(crate) fn known(root: &Root, name: &str) -> Result<u16> {
    root.state()
        .read()?
        .ports
        .get(name)
        .copied()
        .with_context(|| format!("no port is recorded for {name}"))
}

/// Forgets the ports whose name starts so; a ring's names are its own.
pub(crate) fn forget(root: &Root, prefix: &str) -> Result<()> {
    root.state().update(|state| {
        state.ports.retain(|name, _| !name.starts_with(prefix));
        Ok(())
    })
}

fn parse(variable: &str, text: &str) -> Result<u16> {
    text.parse()
        .with_context(|| format!("{variable} is not a port number: {text}"))
}

fn choose(unused: impl Fn(u16) -> bool) -> Option<u16> {
    let mut dice = rand::rng();
    (0..1000)
        .map(|_| dice.random_range(RANGE))
        .find(|port| unused(*port) && is_free(*port))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
