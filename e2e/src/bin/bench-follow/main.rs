//! How soon does who follows a log see a line, and what do silent followers cost?
//!
//! Programs print the time since boot ten times a second; followers at the gateway, and
//! beside them `kubectl logs -f` of some of the same pods, compare it with their own.
//! Then many logs are followed of execs that wait: what gateway and Postgres use is
//! compared with what they use without followers.

mod idle;
mod printing;

use anyhow::Result;
use clap::Parser;
use devstack::{Infra, Service};
use e2e::benchmark::{self, Folder};
use e2e::{Client, Kubectl};

/// As many programs as are asked for have room on two cores.
const SIZES: &str = "[sizes.XXS]\ncpu = \"50m\"\nmemory = \"64Mi\"\n";

/// Runs on the infrastructure that `make bench-follow` sets up.
#[derive(Parser)]
struct Options {
    /// Programs that print at the same time.
    #[arg(long, default_value_t = 20)]
    execs: usize,
    /// Of how many of them kubectl follows the log, too.
    #[arg(long, default_value_t = 3)]
    peers: usize,
    /// Seconds that they print.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Logs that are followed in silence.
    #[arg(long, default_value_t = 1000)]
    followers: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = Folder::new("bench-follow")?;
    let mut builder = benchmark::ring(&Infra::from_env()?, "bench-follow", SIZES, &folder)?;
    for (key, value) in [
        ("API__FOLLOWERS_PER_ACCOUNT", "2000"),
        ("API__CONNECTIONS_PER_ADDRESS", "0"),
    ] {
        builder = builder.env(Service::Gateway, &format!("ESCAPEMENT__{key}"), value);
    }
    let ring = builder.start().await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("bench").await?);
    let kubectl = Kubectl::new(devstack::kubectl()?);
    printing::run(&client, (&kubectl, ring.instance()), &options).await?;
    idle::run(&client, &ring, options.followers).await?;
    ring.down().await
}
