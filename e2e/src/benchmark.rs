//! The ring that a benchmark runs on.

use std::path::{Path, PathBuf};

use anyhow::Result;
use devstack::{Infra, Ring, RingBuilder, Service};

/// A folder of a benchmark's own files; it goes with this.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Of the benchmark of this name, in this process.
    pub fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A ring of this name with these sizes, in TOML, whose gateway refuses no rate.
pub fn ring(infra: &Infra, name: &str, sizes: &str, folder: &Folder) -> Result<RingBuilder> {
    let file = folder.path().join("sizes.toml");
    std::fs::write(&file, sizes)?;
    let mut builder = Ring::builder(infra, name);
    for service in [Service::Gateway, Service::Executor] {
        builder = builder.env(service, "ESCAPEMENT_CONFIG", &file.to_string_lossy());
    }
    for limit in ["TOKEN", "ADDRESS"] {
        let key = format!("ESCAPEMENT__LIMITS__{limit}__BURST");
        builder = builder.env(Service::Gateway, &key, "0");
    }
    Ok(builder)
}
