//! How much longer do fifty execs take than fifty bare Jobs of the same pod?
//!
//! Both sides run on the same cluster in the same run, interleaved: ours is
//! timed from the first trigger to the last outcome that the API shows, theirs
//! from `kubectl create` of one manifest to the last completed Job. Prints all
//! figures; fails if a log is not whole or something is left in the cluster.

mod bare;
mod ours;

use anyhow::{Context, Result};
use clap::Parser;
use devstack::{Infra, Ring};
use e2e::{Client, Kubectl};

/// Runs on the infrastructure that `make bench-ring` sets up.
#[derive(Parser)]
struct Options {
    /// Execs and Jobs of one round.
    #[arg(long, default_value_t = 50)]
    execs: usize,
    #[arg(long, default_value_t = 2)]
    rounds: usize,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let ring = Ring::builder(&Infra::from_env()?, "bench").start().await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("bench").await?);
    let kubectl = Kubectl::new(devstack::kubectl()?);
    // Warms the image and both services, and shows what pod ours is.
    let pod = ours::pod_of_one_exec(&client, &kubectl, ring.instance()).await?;

    let mut ratios = Vec::new();
    for round in 1..=options.rounds {
        let ours = ours::run(&client, &kubectl, ring.instance(), options.execs).await?;
        let bare = bare::run(&kubectl, &pod, options.execs).await?;
        let ratio = ours.outcomes.as_secs_f64() / bare.as_secs_f64();
        println!(
            "round {round}: {} execs {:.2} s, {} bare Jobs {:.2} s, ratio {ratio:.3}; \
             all logs whole, cluster empty {:.1} s after the last outcome",
            options.execs,
            ours.outcomes.as_secs_f64(),
            options.execs,
            bare.as_secs_f64(),
            ours.emptied.as_secs_f64(),
        );
        ratios.push(ratio);
    }
    ring.down().await?;
    ratios.sort_by(f64::total_cmp);
    let worst = ratios.last().context("at least one round")?;
    let mean = ratios.iter().sum::<f64>() / f64::from(u32::try_from(ratios.len())?);
    println!("ratio of all rounds: mean {mean:.3}, worst {worst:.3} (goal: at most 1.25)");
    Ok(())
}
