//! `.dev/env`: what a shell sources to speak to the stack.

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;

use crate::infra::Infra;
use crate::root::Root;

const FILE: &str = "env";

/// Writes the file and remembers its values, so that a later run in the same
/// shell does not take them for components of the user.
pub(crate) fn write(root: &Root, infra: &Infra, own: &[(&str, String)]) -> Result<()> {
    let skipped = [
        crate::root::ROOT_VARIABLE,
        "RABBITMQ_API",
        "AMQPS_URL",
        "TLS_AUTHORITY",
    ];
    let shared = infra.variables();
    let all = own
        .iter()
        .chain(shared.iter().filter(|(name, _)| !skipped.contains(name)));
    let mut lines = String::new();
    for (name, value) in all.clone() {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "export {name}='{value}'");
    }
    root.write_private(FILE, &lines)?;
    let given = root.state().read()?.given;
    let issued: Vec<String> = all.map(|(_, value)| value.clone()).collect();
    root.state().update(|state| {
        let own = issued
            .into_iter()
            .filter(|value| !given.values().any(|theirs| theirs == value));
        state.issued.extend(own);
        Ok(())
    })
}

/// The value of a variable in the file.
pub(crate) fn read(root: &Root, name: &str) -> Option<String> {
    let text = fs::read_to_string(root.path(FILE)).ok()?;
    let start = format!("export {name}='");
    let value = text.lines().find_map(|line| line.strip_prefix(&start))?;
    Some(value.strip_suffix('\'')?.to_owned())
}
