//! What must survive a crash: ports, secrets and the identity of every process.
//!
//! Several processes write it (tests start rings of their own), so each change
//! is read-modify-write under a file lock and lands by rename.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A process that was started, named so that a reused pid is never mistaken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The process id.
    pub pid: i32,
    /// Start time in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub started: u64,
}

/// The content of `state.json`.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Loopback ports by name, kept over restarts.
    pub ports: BTreeMap<String, u16>,
    /// Generated passwords by name.
    pub secrets: BTreeMap<String, String>,
    /// Second octet of the pod network 10.x.0.0/16.
    pub subnet: Option<u8>,
    /// Whether the cluster's Services have addresses and names.
    pub services: bool,
    /// Processes by component name.
    pub processes: BTreeMap<String, Recorded>,
    /// Components the user gave, by environment variable.
    pub given: BTreeMap<String, String>,
    /// Every value ever written to the env file, to recognise it when sourced.
    pub issued: BTreeSet<String>,
}

/// `state.json` of one root.
#[derive(Debug, Clone)]
pub struct StateFile {
    dir: PathBuf,
}

impl StateFile {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// The current content; an absent file is the empty state.
    pub fn read(&self) -> Result<State> {
        match fs::read_to_string(self.path()) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is not readable", self.path().display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(error).with_context(|| self.path().display().to_string()),
        }
    }

    /// Changes the content under the lock and returns what `change` returns.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let lock = File::create(self.dir.join("state.lock"))?;
        lock.lock()?;
        let mut state = self.read()?;
        let answer = change(&mut state)?;
        let fresh = self.dir.join("state.json.new");
        fs::write(&fresh, serde_json::to_string_pretty(&state)?)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        fs::rename(&fresh, self.path())?;
        Ok(answer)
    }

    /// The secret of that name, made up when there is none yet.
    pub fn secret(&self, name: &str) -> Result<String> {
        self.update(|state| {
            let made = || format!("{:032x}", rand::random::<u128>());
            Ok(state
                .secrets
                .entry(name.to_owned())
                .or_insert_with(made)
                .clone())
        })
    }
}
