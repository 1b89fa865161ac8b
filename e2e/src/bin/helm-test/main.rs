//! Is an exec lost or started twice while an operator works on the release?
//!
//! Installs the previous version on a real Kubernetes, by its own chart and with images built
//! here, then triggers an exec a second and has a schedule fire beside it while the release is
//! upgraded, each service scaled and rolled, and the release rolled back. Every program
//! reports its start to a counter outside of the system. Prints a line for each step;
//! fails where a start is missing or double, a log is not whole, or an uninstall leaves
//! something behind.

mod load;
mod release;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use e2e::{Client, Kubectl, StartCounter};

use crate::load::Load;
use crate::release::Release;
use crate::report::Report;

/// Runs on the infrastructure that `make helm-test` sets up.
#[derive(Debug, Parser)]
struct Options {
    /// The Helm program.
    #[arg(long)]
    helm: PathBuf,
    /// Folder with `old.tar`, `new.tar`, `postgres.tar` and `rabbitmq.tar`, and the previous
    /// version's `chart`.
    #[arg(long)]
    images: PathBuf,
    /// The load goes on this long after a step, in seconds.
    #[arg(long, default_value_t = 10)]
    settle: u64,
}

/// The Deployments of a release, in the order of the ring.
const SERVICES: [&str; 4] = ["api-gateway", "scheduler-svc", "executor-svc", "log-svc"];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is the program's output")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let kubectl = Kubectl::new(devstack::kubectl()?);
    let release = Release::new(options.helm, kubectl);
    let began = Instant::now();
    release.push(&options.images).await?;
    release
        .install(&options.images.join("chart"), "old")
        .await?;
    println!("installed after {:.0} s", began.elapsed().as_secs_f64());

    let client = Client::new(&release.origin().await?, &release.account("demo").await?);
    let counter = StartCounter::listen().await?;
    let mut load = Load::start(client.clone(), &counter).await?;
    let settle = Duration::from_secs(options.settle);
    load.during("nothing is done", async { Ok(()) }, settle * 2)
        .await?;
    load.during("upgraded", release.upgrade("new"), settle)
        .await?;
    for service in SERVICES {
        let step = format!("{service} scaled 1, 3, 1");
        load.during(&step, release.scale(service, &[3, 1]), settle)
            .await?;
    }
    for service in SERVICES {
        let step = format!("{service} rolled");
        load.during(&step, release.roll(service), settle).await?;
    }
    load.during("rolled back", release.roll_back(), settle)
        .await?;

    let done = load.finish().await?;
    let report = Report::of(&client, &done, &counter).await?;
    println!("{report}");
    release.uninstall().await?;
    release
        .remove_namespaces()
        .await
        .context("the jobs' namespaces")?;
    println!(
        "uninstalled, nothing left; {:.0} s in all",
        began.elapsed().as_secs_f64()
    );
    report.verdict()
}
