//! Is every line stored, once and in its place, whatever breaks?
//!
//! A program prints to both outputs, with repeated lines, while every connection of log-svc
//! to the API server breaks every 1 to 3 s. Then many programs run that live a few
//! milliseconds. What they print is known, so what is stored is compared with it.

mod cuts;
mod short;
mod steady;

use anyhow::{Context, Result};
use clap::Parser;
use devstack::{Infra, Service};
use e2e::Client;
use e2e::benchmark::{self, Folder};
use serde_json::Value;

use crate::cuts::Cuts;

/// As many programs at a time as have room on two cores.
const SIZES: &str = "[sizes.XXS]\ncpu = \"50m\"\nmemory = \"64Mi\"\n\
                     [sizes.M]\ncpu = \"500m\"\nmemory = \"256Mi\"\n";

/// Runs on the infrastructure that `make prove-logs` sets up.
#[derive(Parser)]
struct Options {
    /// Seconds that the steady program prints.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Programs that live a few milliseconds.
    #[arg(long, default_value_t = 1000)]
    execs: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let infra = Infra::from_env()?;
    let folder = Folder::new("prove-logs")?;
    let own = std::fs::read(infra.kubeconfig_of(Service::Logs)?)?;
    let mut own: Value = serde_json::from_slice(&own)?;
    let server = &mut own["clusters"][0]["cluster"]["server"];
    let behind = server.as_str().and_then(|url| url.strip_prefix("https://"));
    let behind = behind.context("a kubeconfig names its server")?;
    let cuts = Cuts::before(behind.to_owned()).await?;
    *server = format!("https://{}", cuts.address).into();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, own.to_string())?;

    let builder = benchmark::ring(&infra, "prove-logs", SIZES, &folder)?;
    let path = kubeconfig.to_string_lossy();
    let builder = builder.env(Service::Logs, "ESCAPEMENT__CLUSTER__KUBECONFIG", &path);
    let ring = builder.start().await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("prove").await?);
    steady::run(&client, &cuts, options.seconds).await?;
    short::run(&client, &cuts, options.execs).await?;
    ring.down().await
}
