//! What does a program that prints as fast as it can do to the others, to the memory of the
//! services, and to its own log?
//!
//! Quiet programs print the time since boot and are followed, first alone, then beside one
//! that prints numbered lines without a pause. Its log is then downloaded; the numbers say
//! what is missing, and the seal must say the same.

mod download;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::benchmark::{self, Folder};
use e2e::clocks::{self, RATE};
use e2e::{Client, Times, usage};
use futures::future::{try_join, try_join_all};
use serde_json::json;

/// A size for each quiet program, and one for the loud one.
const SIZES: &str = "[sizes.XXS]\ncpu = \"20m\"\nmemory = \"64Mi\"\n\
                     [sizes.M]\ncpu = \"1\"\nmemory = \"256Mi\"\n";

/// Bytes of a line, with its newline.
const LINE: u64 = 100;

const LIMIT: Duration = Duration::from_mins(10);

/// Runs on the infrastructure that `make bench-flood` sets up.
#[derive(Parser)]
struct Options {
    /// MiB that the loud program prints.
    #[arg(long, default_value_t = 500)]
    mib: u64,
    /// Programs that print a little.
    #[arg(long, default_value_t = 10)]
    quiet: usize,
    /// Seconds that they print.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = Folder::new("bench-flood")?;
    let builder = benchmark::ring(&Infra::from_env()?, "bench-flood", SIZES, &folder)?;
    let ring = builder.start().await?;
    let client = Client::new(&ring.api_url()?, &ring.create_account("bench").await?);
    measure(&client, &ring, &options).await?;
    ring.down().await
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn measure(client: &Client, ring: &Ring, options: &Options) -> Result<()> {
    let memory = Memory::of(ring)?;
    let alone = quiet(client, options).await?;
    show("alone", &alone);
    memory.show("beside quiet programs")?;

    let lines = options.mib * 1024 * 1024 / LINE;
    // The number and a tab take seven bytes, and one more from a million on.
    let text = "x".repeat(92);
    let command = format!("sh -c 'yes {text} | cat -n | head -n {lines}'");
    let job = client.create_job(&command, json!({ "resource_size": "M" }));
    let exec = client.trigger(job.await?).await?;
    let flood = async {
        client.wait(&exec, "R", LIMIT).await?;
        let began = Instant::now();
        client.wait(&exec, "S", LIMIT).await?;
        let printed = began.elapsed();
        anyhow::Ok((printed, client.sealed(&exec).await?, began.elapsed()))
    };
    let ((printed, seal, stored), beside) = try_join(flood, quiet(client, options)).await?;
    show("beside the loud one", &beside);
    memory.show("while one prints")?;

    let number = |name: &str| seal[name].as_u64().context("a seal has numbers");
    let (kept, bytes) = (number("lines")?, number("bytes")?);
    let gaps = seal["gaps"].as_array().context("a seal has gaps")?.len();
    println!(
        "{} MiB of {lines} lines were printed in {:.1} s and sealed after {:.1} s: {kept} lines \
         stored, {:.1} MB a second, {gaps} gaps",
        options.mib,
        printed.as_secs_f64(),
        stored.as_secs_f64(),
        mb(bytes) / stored.as_secs_f64(),
    );
    let found = download::read(client, &exec, lines).await?;
    memory.show("while it is downloaded")?;
    println!(
        "downloaded {:.0} MB in {:.1} s, {:.1} MB a second: {} lines in order, {} missing in {} places",
        mb(found.bytes),
        found.took.as_secs_f64(),
        mb(found.bytes) / found.took.as_secs_f64(),
        found.lines,
        found.missing,
        found.places,
    );
    ensure!(found.lines == kept, "the download has what the seal says");
    ensure!(seal["sha256"] == found.sha256.as_str(), "the same bytes");
    ensure!(found.places <= gaps as u64, "no line is missing unmarked");
    ensure!(seal["complete"] == (found.missing == 0), "{seal:#}");
    Ok(())
}

/// Followers of programs that print a little; how long their lines were under way.
async fn quiet(client: &Client, options: &Options) -> Result<Times> {
    let lines = options.seconds * RATE;
    let job = client
        .create_job(&clocks::command(lines), json!({}))
        .await?;
    let execs = try_join_all((0..options.quiet).map(|_| client.trigger(job))).await?;
    let followed = execs
        .iter()
        .map(|exec| clocks::followed(client, exec, lines));
    Ok(try_join_all(followed)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn show(name: &str, times: &Times) {
    println!(
        "{} lines of quiet programs {name}: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
        times.len(),
        times.at(0.5),
        times.at(0.99),
        times.at(1.0),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What the services hold.
struct Memory(Vec<(&'static str, i32)>);

impl Memory {
    fn of(ring: &Ring) -> Result<Self> {
        let services = [Service::Logs, Service::Gateway].into_iter();
        let pids = services.map(|service| Ok((service.program(), ring.pid(service, 1)?)));
        let memory = Self(pids.collect::<Result<_>>()?);
        memory.show("at the start")?;
        Ok(memory)
    }

    /// Prints what they hold now and held at most since the last time.
    #[expect(clippy::print_stdout, reason = "the figures are the program's output")]
    fn show(&self, when: &str) -> Result<()> {
        for (program, pid) in &self.0 {
            let (now, most) = usage::memory(*pid)?;
            println!("memory of {program} {when}: {most} MiB at most, {now} MiB at the end");
            usage::reset_peak(*pid)?;
        }
        Ok(())
    }
}
