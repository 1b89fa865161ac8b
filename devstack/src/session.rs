//! One command at work on a root: nobody else may be, and an interrupt cleans up.

use std::fs::File;
use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::command::without_cargo;
use crate::root::Root;

/// The right to change a root, held until dropped.
#[derive(Debug)]
pub struct Session {
    _lock: File,
}

impl Session {
    /// Takes the right, or says who is at work.
    pub fn open(root: &Root) -> Result<Self> {
        let lock = File::create(root.path("lock"))?;
        if lock.try_lock().is_err() {
            bail!(
                "another devstack is at work in {}; wait for it or end it",
                root.dir().display()
            );
        }
        Ok(Self { _lock: lock })
    }
}

/// Waits for SIGINT, SIGTERM or SIGHUP.
pub async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Runs a command to its end; an interrupt is passed on to it and still waited out.
pub(crate) async fn run_command(
    command: &[String],
    variables: &[(&'static str, String)],
) -> Result<ExitStatus> {
    let (program, args) = command.split_first().context("no command was given")?;
    let mut child = without_cargo(&mut Command::new(program))
        .args(args)
        .envs(variables.iter().cloned())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let pid = child.id();
    tokio::select! {
        status = child.wait() => return Ok(status?),
        _ = interrupted() => {}
    }
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        let pid = nix::unistd::Pid::from_raw(pid);
        // It may have ended of the same ctrl-C already.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
    }
    Ok(child.wait().await?)
}

/// The exit code a shell would give.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(1));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
