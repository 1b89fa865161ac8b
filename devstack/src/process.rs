//! Long-running programs: started so that none can be lost, stopped by identity.
//!
//! A child first waits on a pipe. Only after its pid and start time are in
//! `state.json` does it become the program, so a crash of devstack at any moment
//! leaves either a recorded process or one that ends by itself.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Gid, Pid, Uid};

use crate::root::Root;
use crate::state::Recorded;
use crate::wait::until;

/// Environment variable every started process carries: `<root>#<name>`.
const MARK: &str = "ESCAPEMENT_DEVSTACK";

/// How long a process may take to die of SIGKILL (it may be in disk wait).
const KILL_LIMIT: Duration = Duration::from_secs(20);

/// A program about to be started under a name.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    user: Option<(Uid, Gid)>,
}

impl Program {
    pub(crate) fn new(name: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            user: None,
        }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.env.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn user(mut self, user: Option<(Uid, Gid)>) -> Self {
        self.user = user;
        self
    }

    /// Starts it in its own process group, output appended to its log.
    pub(crate) fn start(self, root: &Root) -> Result<()> {
        let file = root.log(&self.name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&file)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"read -r go && exec "$@" </dev/null"#, "sh"])
            .arg(&self.path)
            .args(&self.args)
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", root.dir())
            .env(MARK, mark(root, &self.name))
            .envs(self.env)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some((uid, gid)) = self.user {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.path.display()))?;
        let pid = i32::try_from(child.id())?;
        let started = start_time(pid).context("the process ended at once")?;
        root.state().update(|state| {
            let recorded = Recorded { pid, started };
            state.processes.insert(self.name.clone(), recorded);
            Ok(())
        })?;
        let mut gate = child.stdin.take().context("the child has no pipe")?;
        gate.write_all(b"\n")
            .with_context(|| format!("{} ended before it began", self.name))
    }
}

fn search_path() -> OsString {
    let mut path = OsString::from("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(own) = std::env::var_os("PATH") {
        path.push(":");
        path.push(own);
    }
    path
}

fn mark(root: &Root, name: &str) -> OsString {
    let mut text = root.dir().as_os_str().to_owned();
    text.push("#");
    text.push(name);
    text
}

/// Start time of a live process in clock ticks since boot; none for a zombie.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; fields are counted after it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// Whether this very process still lives.
pub(crate) fn is_alive(process: Recorded) -> bool {
    start_time(process.pid) == Some(process.started)
}

/// The recorded process of that name, if it lives.
pub(crate) fn running(root: &Root, name: &str) -> Result<Option<Recorded>> {
    let recorded = root.state().read()?.processes.get(name).copied();
    Ok(recorded.filter(|process| is_alive(*process)))
}

/// Whether the process of that name lives.
pub(crate) fn is_running(root: &Root, name: &str) -> Result<bool> {
    Ok(running(root, name)?.is_some())
}

/// Whether a running process was started from a file that has been replaced since.
pub(crate) fn is_outdated(root: &Root, name: &str) -> Result<bool> {
    let Some(process) = running(root, name)? else {
        return Ok(false);
    };
    let program = fs::read_link(format!("/proc/{}/exe", process.pid))?;
    Ok(program.to_string_lossy().ends_with(" (deleted)"))
}

/// Sends SIGTERM, and SIGKILL to what is left after `grace`; returns when all is gone.
pub(crate) async fn stop(root: &Root, name: &str, grace: Duration) -> Result<()> {
    stop_by(root, name, Signal::SIGTERM, grace).await
}

/// As [`stop`], for a program that takes another signal for it.
pub(crate) async fn stop_by(
    root: &Root,
    name: &str,
    signal: Signal,
    grace: Duration,
) -> Result<()> {
    if let Some(process) = running(root, name)? {
        // An error means it has just ended, which is what is wanted.
        let _ = kill(Pid::from_raw(process.pid), signal);
        let ended = until(name, grace, || async move { !is_alive(process) }).await;
        drop(ended);
    }
    kill_now(root, name).await
}

/// The process whose children outlive it by design: containerd's pods and their shims.
pub(crate) const OUTLIVED: &str = "containerd";

/// Sends SIGKILL to the process, its group and what it left behind; returns when gone.
///
/// What containerd leaves behind are the pods with their shims, which outlive it by
/// design: they are left alone, as a crash would leave them. `down` ends them.
pub(crate) async fn kill_now(root: &Root, name: &str) -> Result<()> {
    let own = mark(root, name);
    let own = (name != OUTLIVED).then_some(own.as_encoded_bytes());
    signal_all(root, name)?;
    let probe = || async {
        signal_marked(|text| Some(text) == own);
        let left = own.is_some_and(any_marked);
        !matches!(is_running(root, name), Ok(true)) && !left
    };
    until(&format!("{name} is gone"), KILL_LIMIT, probe).await?;
    root.state().update(|state| {
        state.processes.remove(name);
        Ok(())
    })
}

/// SIGKILL without waiting, for destructors.
pub(crate) fn signal_all(root: &Root, name: &str) -> Result<()> {
    if let Some(process) = running(root, name)? {
        let pid = Pid::from_raw(process.pid);
        // Both may find it gone already.
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = kill(pid, Signal::SIGKILL);
    }
    Ok(())
}

/// Kills whatever still carries the mark of this root, recorded or not.
pub(crate) fn sweep(root: &Root) {
    let prefix = mark(root, "");
    signal_marked(|text| text.starts_with(prefix.as_encoded_bytes()));
}

fn any_marked(wanted: &[u8]) -> bool {
    marked().any(|(_, text)| text == wanted)
}

fn signal_marked(wanted: impl Fn(&[u8]) -> bool) {
    for (pid, text) in marked() {
        if wanted(&text) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Every live process that carries a mark, with the mark's value.
fn marked() -> impl Iterator<Item = (i32, Vec<u8>)> {
    let key = format!("{MARK}=").into_bytes();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let value = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(key.as_slice()))?;
        start_time(pid)?;
        Some((pid, value.to_vec()))
    })
}
