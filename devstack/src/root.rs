//! Where one stack keeps everything it has.
//!
//! `make up` lives in `.dev/`, tests live in `.dev/test/`; nothing is shared
//! between two roots, so both can run at the same time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::state::StateFile;

/// Environment variable that tells a test which root its infrastructure has.
pub const ROOT_VARIABLE: &str = "ESCAPEMENT_DEVSTACK_ROOT";

/// The private folder of one stack.
#[derive(Debug, Clone)]
pub struct Root {
    dir: PathBuf,
}

impl Root {
    /// The root of `make up`: `.dev/` of this checkout.
    pub fn of_checkout() -> Result<Self> {
        Self::at(checkout().join(".dev"))
    }

    /// The root of test runs: `.dev/test/` of this checkout.
    pub fn of_tests() -> Result<Self> {
        Self::at(checkout().join(".dev/test"))
    }

    /// A root in any folder, which is created when absent.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(dir.join("logs"))
            .with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(Self {
            dir: dir.canonicalize()?,
        })
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path below the root; nothing is created.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.join(below)
    }

    /// A folder below the root, created when absent.
    pub fn folder(&self, below: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.path(below);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// The log file of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// The record of ports, secrets and processes.
    pub fn state(&self) -> StateFile {
        StateFile::new(&self.dir)
    }

    /// Eight hex digits that name this root in places outside it (bridge, cgroup).
    pub fn id(&self) -> String {
        short_hash(self.dir.as_os_str().as_encoded_bytes())
    }

    /// Writes a file below the root unless it already has this content.
    pub fn write(&self, below: impl AsRef<Path>, content: &str) -> Result<PathBuf> {
        let path = self.path(below);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if fs::read_to_string(&path).is_ok_and(|old| old == content) {
            return Ok(path);
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// As [`Root::write`], readable by the owner only.
    pub fn write_private(&self, below: impl AsRef<Path>, content: &str) -> Result<PathBuf> {
        let path = self.write(below, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }
}

/// The folder of the checkout this program was built from.
pub fn checkout() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .ancestors()
        .find(|folder| folder.join("deploy/dev-kubernetes").is_dir())
        .map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// The first eight hex digits of a SHA-256.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .take(4)
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
