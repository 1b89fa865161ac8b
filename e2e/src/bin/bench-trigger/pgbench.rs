//! The limit: Postgres' own load generator commits single rows on the same server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::Times;
use e2e::benchmark::Folder;
use tokio::process::Command;
use url::Url;

use crate::load::CLIENTS;

/// The script, and what pgbench writes.
const FILES: &str = "single-rows";
/// As large as an exec's row, with its key and nothing else.
const SCRIPT: &str = "INSERT INTO single_rows (id, spec) VALUES (gen_random_uuid(), \
    '{\"command\":\"true\",\"image_repo\":\"r.io/demo\",\"image_tag\":\"1\",\"size\":\"XS\",\
    \"vars\":{\"MODE\":\"bench\"}}');";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS single_rows \
    (id uuid PRIMARY KEY, spec jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now())";

/// Rows a second.
pub(crate) async fn run(database: &Url, time: Duration) -> Result<f64> {
    let files = Folder::new(FILES)?;
    let output = insert(database, time, &files, &[]).await?;
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = line
        .and_then(|line| line.split(' ').next())
        .context("pgbench says a rate")?;
    Ok(rate.parse()?)
}

/// How long each of so many rows a second took from its planned instant.
pub(crate) async fn at_rate(database: &Url, rate: f64, time: Duration) -> Result<Times> {
    let files = Folder::new(FILES)?;
    let (rate, log) = (format!("--rate={rate}"), files.path().join("log"));
    let log = format!("--log-prefix={}", log.display());
    insert(database, time, &files, &[&rate, "--log", &log]).await?;
    let mut times = Vec::new();
    for file in std::fs::read_dir(files.path())? {
        let file = file?;
        if !file.file_name().to_string_lossy().starts_with("log") {
            continue;
        }
        for line in std::fs::read_to_string(file.path())?.lines() {
            let microseconds = line.split(' ').nth(2).context("a line of the log")?;
            times.push(Duration::from_micros(microseconds.parse()?));
        }
    }
    ensure!(!times.is_empty(), "pgbench logged nothing");
    Ok(times.into_iter().collect())
}

/// Runs it, and gives back what it printed.
async fn insert(database: &Url, time: Duration, files: &Folder, more: &[&str]) -> Result<String> {
    let (folder, script) = (folder()?, files.path().join("script"));
    std::fs::write(&script, SCRIPT)?;
    let mut psql = Command::new(folder.join("psql"));
    said(psql.arg(database.as_str()).args(["-qc", TABLE])).await?;
    let mut pgbench = Command::new(folder.join("pgbench"));
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
    pgbench.args(more);
    pgbench.arg(format!("--client={CLIENTS}"));
    pgbench.arg(format!("--time={}", time.as_secs().max(1)));
    pgbench.arg("--file").arg(script);
    said(pgbench.arg(database.as_str())).await
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
