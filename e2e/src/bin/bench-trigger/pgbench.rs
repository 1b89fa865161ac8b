//! The limit: Postgres' own load generator commits single rows on the same server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use url::Url;

use crate::load::CLIENTS;

/// As large as an exec's row, with its key and nothing else.
const SCRIPT: &str = "INSERT INTO single_rows (id, spec) VALUES (gen_random_uuid(), \
    '{\"command\":\"true\",\"image_repo\":\"r.io/demo\",\"image_tag\":\"1\",\"size\":\"XS\",\
    \"vars\":{\"MODE\":\"bench\"}}');";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS single_rows \
    (id uuid PRIMARY KEY, spec jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now())";

/// Rows a second.
pub(crate) async fn run(database: &Url, time: Duration) -> Result<f64> {
    let script = std::env::temp_dir().join(format!("single-rows-{}.sql", std::process::id()));
    std::fs::write(&script, SCRIPT)?;
    let folder = folder()?;
    let mut psql = Command::new(folder.join("psql"));
    said(psql.arg(database.as_str()).args(["-qc", TABLE])).await?;
    let mut pgbench = Command::new(folder.join("pgbench"));
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
    pgbench.arg(format!("--client={CLIENTS}"));
    pgbench.arg(format!("--time={}", time.as_secs().max(1)));
    pgbench.arg("--file").arg(&script).arg(database.as_str());
    let output = said(&mut pgbench).await;
    let _ = std::fs::remove_file(script);
    let output = output?;
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = line
        .and_then(|line| line.split(' ').next())
        .context("pgbench says a rate")?;
    Ok(rate.parse()?)
}

/// Debian's, of whatever version there is.
fn folder() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")?;
    let mut folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders
        .find(|folder| folder.join("pgbench").is_file())
        .context("pgbench is not installed")
}

async fn said(command: &mut Command) -> Result<String> {
    let output = command.kill_on_drop(true).output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{:?}: {errors}", command.as_std());
    Ok(String::from_utf8(output.stdout)?)
}
