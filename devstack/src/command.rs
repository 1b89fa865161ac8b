//! Programs that run to their end: found, started, and quoted when they fail.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// Runs to the end and returns standard output; a failure quotes standard error.
pub(crate) async fn run(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let text = text.trim();
        let tail = text.lines().rev().take(12).collect::<Vec<_>>();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        bail!("{shown} ended with {}: {tail}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end with output going to a file (appended), for long builds.
pub(crate) async fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let shown = shown(command);
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!(
            "{shown} ended with {status}; end of {}:\n{}",
            log.display(),
            tail(log, 15)
        );
    }
    Ok(())
}

/// Takes away what `cargo run` adds to the environment: build scripts watch some of
/// these, so a cargo started below another one would rebuild half of the tree.
pub(crate) fn without_cargo(command: &mut Command) -> &mut Command {
    let added = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO" || text == "OUT_DIR" || added.iter().any(|start| text.starts_with(start))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// A program by name, on `PATH` or where Debian keeps daemons.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin", "/bin"];
    std::env::split_paths(&path)
        .chain(daemons.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// As [`find`], with the one clear line when it is missing.
pub(crate) fn need(program: &str) -> Result<PathBuf> {
    find(program).with_context(|| format!("the program {program} is missing"))
}

/// The last lines of a log file, empty when there is none.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn shown(command: &Command) -> String {
    let command = command.as_std();
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .take(3)
            .map(|word| word.to_string_lossy()),
    );
    words.join(" ")
}
