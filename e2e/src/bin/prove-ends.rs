//! What is said of logs whose end the node's runtime may lose, and what a proof costs.
//!
//! Programs print much and end at once, some at a time: a runtime that is short of time drops
//! what they wrote last. What they print is known, so it is known which logs are short. Those
//! of programs that prove their output have to say so, and all others to be proven.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::{Infra, Service};
use e2e::Client;
use e2e::benchmark::{self, Folder};
use e2e::client::Exec;
use e2e::times::Times;
use serde_json::json;

const SIZES: &str = "[sizes.XXS]\ncpu = \"50m\"\nmemory = \"64Mi\"\n";
const LIMIT: Duration = Duration::from_mins(5);

/// Runs on the infrastructure that `make prove-ends` sets up.
#[derive(Parser)]
struct Options {
    /// Rounds of programs, with and without a proof in turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Programs that run at a time.
    #[arg(long, default_value_t = 8)]
    execs: usize,
    /// Lines that each prints.
    #[arg(long, default_value_t = 30_000)]
    lines: usize,
    /// Single programs whose start is timed, with and without a proof in turn.
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// Where pods have log-proof: `image` where the node's containerd mounts images.
    #[arg(long, default_value = "empty_dir")]
    volume: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let infra = Infra::from_env()?;
    let folder = Folder::new("prove-ends")?;
    let ring = benchmark::ring(&infra, "prove-ends", SIZES, &folder)?;
    let volume = "ESCAPEMENT__POD__LOG_PROOF_VOLUME";
    let ring = ring.env(Service::Executor, volume, &options.volume);
    let ring = ring.start().await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("prove").await?);
    starts(&client, options.starts).await?;
    ends(&client, &options).await?;
    ring.down().await
}

async fn job(client: &Client, script: &str, log_proof: bool) -> Result<i64> {
    let fields = json!({
        "entrypoint": ["sh", "-c"], "command": [script], "log_proof": log_proof,
    });
    client.create_job(script, fields).await
}

/// From a trigger to the program's first act, on the clock that both have.
#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
async fn starts(client: &Client, count: usize) -> Result<()> {
    let script = "cut -d ' ' -f 1 /proc/uptime";
    let jobs = [
        job(client, script, false).await?,
        job(client, script, true).await?,
    ];
    let mut times = [Times::default(), Times::default()];
    for _ in 0..count {
        for (job, times) in jobs.into_iter().zip(&mut times) {
            let begun = uptime(&fs::read_to_string("/proc/uptime")?)?;
            let exec = client.trigger(job).await?;
            client.wait(&exec, "S", LIMIT).await?;
            client.sealed(&exec).await?;
            let printed = client.download(&exec).await?.text().await?;
            times.push(uptime(&printed)?.saturating_sub(begun));
        }
    }
    for (what, times) in ["without", "with"].into_iter().zip(&times) {
        let (p50, p90) = (times.at(0.5), times.at(0.9));
        println!("{count} starts {what} a proof: p50 {p50:.0} ms, p90 {p90:.0} ms");
    }
    Ok(())
}

fn uptime(text: &str) -> Result<Duration> {
    let seconds = text
        .split_whitespace()
        .next()
        .context("no time was printed")?;
    Ok(Duration::from_secs_f64(seconds.parse()?))
}

/// Logs of one kind.
#[derive(Default)]
struct Tally {
    logs: usize,
    short: usize,
    /// Short, and yet said to be complete.
    short_complete: usize,
    short_proven: usize,
    whole_unproven: usize,
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
async fn ends(client: &Client, options: &Options) -> Result<()> {
    let script = format!("seq 1 {}", options.lines);
    let jobs = [
        job(client, &script, false).await?,
        job(client, &script, true).await?,
    ];
    let mut tallies = [Tally::default(), Tally::default()];
    for _ in 0..options.rounds {
        for (job, tally) in jobs.into_iter().zip(&mut tallies) {
            let mut execs = Vec::new();
            for _ in 0..options.execs {
                execs.push(client.trigger(job).await?);
            }
            for exec in &execs {
                client.wait(exec, "S", LIMIT).await?;
                tally.add(client, exec, options.lines).await?;
            }
        }
    }
    for (what, tally) in ["without", "with"].into_iter().zip(&tallies) {
        println!(
            "{} logs {what} a proof: {} lost lines, of these {} say complete and {} proven; \
             {} that are whole are not proven",
            tally.logs, tally.short, tally.short_complete, tally.short_proven, tally.whole_unproven
        );
    }
    let [_, proved] = tallies;
    ensure!(
        proved.short_complete + proved.short_proven == 0,
        "a short log does not say so"
    );
    ensure!(proved.whole_unproven == 0, "a whole log is not proven");
    Ok(())
}

impl Tally {
    async fn add(&mut self, client: &Client, exec: &Exec, lines: usize) -> Result<()> {
        let seal = client.sealed(exec).await?;
        let text = client.download(exec).await?.text().await?;
        let numbers = text.lines().map(str::parse::<usize>);
        let kept = numbers
            .zip(1..)
            .take_while(|(read, number)| read.as_ref() == Ok(number));
        let is_short = kept.count() < lines;
        self.logs += 1;
        self.short += usize::from(is_short);
        self.short_complete += usize::from(is_short && seal["complete"] == true);
        self.short_proven += usize::from(is_short && seal["proven"] == true);
        self.whole_unproven += usize::from(!is_short && seal["proven"] != true);
        Ok(())
    }
}
