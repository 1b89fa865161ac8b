//! Job queues that are libraries: what their users call to add a job, as often as it goes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devstack::Ring;
use e2e::python;
use tokio::process::Command;

use crate::load::CLIENTS;

const PACKAGES: [&str; 2] = ["graphile-worker@0.18.0", "pg-boss@12.38.0"];
const REQUIREMENTS: &str = "celery==5.7.0\n";
const GRAPHILE: &str = include_str!("graphile.mjs");
const PG_BOSS: &str = include_str!("pg-boss.mjs");
const CELERY: &str = include_str!("celery.py");

/// Those that are installed.
#[derive(Default)]
pub(crate) struct Peers(Vec<Peer>);

/// One of them: a program that adds jobs for some seconds and prints how many.
struct Peer {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
    server: String,
}

impl Peers {
    /// Installs them once, beside what cargo builds.
    pub(crate) async fn install(ring: &Ring) -> Result<Self> {
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(2).context("no target folder")?;
        let folder = target.join("trigger-peers");
        std::fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund"])
            .args(PACKAGES);
        let status = npm
            .current_dir(&folder)
            .status()
            .await
            .context("npm is needed")?;
        ensure!(status.success(), "npm cannot install {PACKAGES:?}");
        let venv = python::venv("celery", REQUIREMENTS, &[]).await?;
        let database = ring.database_url().to_string();
        let peer = |name, program, (file, text): (&str, &str), server: &str| {
            let script = folder.join(file);
            std::fs::write(&script, text)?;
            anyhow::Ok(Peer {
                name,
                program,
                script,
                server: server.to_owned(),
            })
        };
        let node = PathBuf::from("node");
        Ok(Self(vec![
            peer(
                "graphile-worker",
                node.clone(),
                ("graphile.mjs", GRAPHILE),
                &database,
            )?,
            peer("pg-boss", node, ("pg-boss.mjs", PG_BOSS), &database)?,
            peer(
                "Celery with confirms",
                venv.join("python"),
                ("celery_peer.py", CELERY),
                ring.amqp_url().as_str(),
            )?,
        ]))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|peer| peer.name)
    }

    /// Jobs a second of each.
    pub(crate) async fn run(&self, time: Duration) -> Result<Vec<f64>> {
        let mut rates = Vec::new();
        for peer in &self.0 {
            let mut command = Command::new(&peer.program);
            command.arg(&peer.script).arg(&peer.server);
            command.args([time.as_secs().to_string(), CLIENTS.to_string()]);
            let output = command.kill_on_drop(true).output().await?;
            let errors = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{}: {errors}", peer.name);
            let text = String::from_utf8(output.stdout)?;
            let rate = text.lines().last().and_then(|line| line.parse().ok());
            rates.push(rate.with_context(|| format!("{} says a rate: {text}", peer.name))?);
        }
        Ok(rates)
    }
}
