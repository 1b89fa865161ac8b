//! A ring's database as a file, and the other way round.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::Ring;
use crate::command::run;
use crate::postgres::{create_database, drop_database, programs};
use crate::service::Service;

impl Ring {
    /// Writes a backup of the database.
    pub async fn back_up(&self, file: &Path) -> Result<()> {
        let mut command = program("pg_dump")?;
        command.arg("--format=custom").arg("--file").arg(file);
        let url = self.database_url.as_str();
        run(command.args(["--dbname", url])).await.map(drop)
    }

    /// Replaces the database by a backup. The services must be stopped.
    pub async fn put_back(&self, file: &Path) -> Result<()> {
        drop_database(&self.server, &self.label).await?;
        create_database(&self.server, &self.label).await?;
        let mut command = program("pg_restore")?;
        let url = self.database_url.as_str();
        command.args(["--exit-on-error", "--dbname", url]).arg(file);
        run(&mut command).await.map(drop)
    }

    /// Lets nothing start that may have started since the backup.
    pub async fn after_restore(&self) -> Result<String> {
        run(&mut self.command(Service::Gateway, &["after-restore"])?).await
    }
}

fn program(name: &str) -> Result<Command> {
    let programs = programs().context("the package postgresql is missing")?;
    Ok(Command::new(programs.join(name)))
}
