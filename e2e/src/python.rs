//! Python programs that are peers or tools, each in an environment of its own.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Installs what `requirements` says, once, beside what cargo builds; returns
/// the folder of its programs.
pub async fn venv(name: &str, requirements: &str, options: &[&str]) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).context("no target folder")?;
    let folder = target.join(format!("{name}-venv"));
    let programs = folder.join("bin");
    let installed = folder.join("requirements.txt");
    if std::fs::read_to_string(&installed).ok().as_deref() == Some(requirements) {
        return Ok(programs);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    check(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
    let wanted = folder.join("wanted.txt");
    std::fs::write(&wanted, requirements)?;
    let mut pip = Command::new(programs.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    check(pip.args(options).arg("-r").arg(&wanted)).await?;
    std::fs::rename(wanted, installed)?;
    Ok(programs)
}

async fn check(command: &mut Command) -> Result<()> {
    let status = command.status().await?;
    ensure!(status.success(), "{:?} failed", command.as_std());
    Ok(())
}
