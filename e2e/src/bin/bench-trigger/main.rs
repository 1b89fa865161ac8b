//! How many triggers a second, and what one costs?
//!
//! 64 clients trigger as fast as they are answered: ours over HTTP, with a token, the row,
//! its audit entry and the counts committed before the answer. Beside it in the same run:
//! pgbench, which commits single rows to the same Postgres, and job queues that are
//! libraries, which have no HTTP to pay for. Then ours at half its rate, one trigger at its
//! own instant, for what a caller waits who is not in a crowd.

mod load;
mod peers;
mod pgbench;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::benchmark::{self, Folder};
use e2e::{Client, usage};
use serde_json::json;

use crate::load::{CLIENTS, Load};
use crate::peers::Peers;

const SIZES: &str = "[sizes.XXS]\ncpu = \"50m\"\nmemory = \"64Mi\"\n";

/// Accounts that the clients are of, each with a job.
const ACCOUNTS: usize = 8;

/// Runs on the infrastructure that `make bench-trigger` sets up.
#[derive(Parser)]
struct Options {
    /// Seconds of each part.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Rounds, in each of which all take their turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Without the job queues, which are installed first.
    #[arg(long)]
    no_peers: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = Folder::new("bench-trigger")?;
    let ring = benchmark::ring(&Infra::from_env()?, "bench-trigger", SIZES, &folder)?;
    let ring = ring.only(&[Service::Gateway]).start().await?;
    let peers = if options.no_peers {
        Peers::default()
    } else {
        Peers::install(&ring).await?
    };
    let load = Load::new(&ring.api_url()?, &requests(&ring).await?)?;
    let time = Duration::from_secs(options.seconds);
    // What is prepared once is prepared.
    load.at_full_speed(time / 4).await?;
    let measured = measure(&ring, &load, &peers, (time, options.rounds)).await?;
    at_half_speed(&ring, &load, measured / 2.0, time * 2).await?;
    let gone = lost(&ring, &load).await?;
    ensure!(gone == 0, "{gone} triggers were answered and are not there");
    ring.down().await
}

/// A request of each account, as its bytes.
async fn requests(ring: &Ring) -> Result<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    for number in 0..ACCOUNTS {
        let token = ring.create_account(&format!("bench{number}")).await?;
        let client = Client::new(&ring.api_url()?, &token);
        let job = client
            .create_job("true", json!({ "runtime_vars": { "MODE": "bench" } }))
            .await?;
        let head = format!(
            "POST /v1/jobs/{job}/execs HTTP/1.1\r\nHost: bench\r\nAuthorization: Token {token}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        requests.push(head.into_bytes());
    }
    Ok(requests)
}

/// Rates of one kind, a round each.
struct Rates {
    name: String,
    rates: Vec<f64>,
}

/// Our median rate.
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn measure(
    ring: &Ring,
    load: &Load,
    peers: &Peers,
    (time, rounds): (Duration, usize),
) -> Result<f64> {
    let named = |name: &str| Rates {
        name: name.to_owned(),
        rates: Vec::new(),
    };
    let mut all = vec![named("escapement"), named("pgbench, single rows")];
    all.extend(peers.names().map(named));
    let mut costs = Vec::new();
    for round in 0..rounds {
        let before = used(ring)?;
        let begun = Instant::now();
        let triggers = load.at_full_speed(time).await?;
        let rate = triggers.rate(begun.elapsed());
        all[0].rates.push(rate);
        if round + 1 == rounds {
            let (p50, p99) = (triggers.times.at(0.5), triggers.times.at(0.99));
            println!(
                "escapement, {CLIENTS} clients at full speed: p50 {p50:.1} ms, p99 {p99:.1} ms"
            );
            let count = triggers.times.len();
            costs = used(ring)?
                .into_iter()
                .zip(before)
                .map(|((name, now), (_, then))| (name, (now - then) * 1e6 / as_float(count)))
                .collect();
        }
        all[1]
            .rates
            .push(pgbench::run(ring.database_url(), time).await?);
        for (rates, rate) in all[2..].iter_mut().zip(peers.run(time).await?) {
            rates.rates.push(rate);
        }
    }
    for (process, cost) in costs {
        println!("  {cost:.0} us of CPU a trigger in {process}");
    }
    Ok(report(&mut all))
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn report(all: &mut [Rates]) -> f64 {
    println!("a second, medians of the rounds, which took turns:");
    let mut medians = Vec::new();
    for Rates { name, rates } in all.iter_mut() {
        rates.sort_by(f64::total_cmp);
        let (median, last) = (rates[rates.len() / 2], rates.len() - 1);
        println!(
            "  {name}: {median:.0} ({:.0} to {:.0})",
            rates[0], rates[last]
        );
        medians.push(median);
    }
    println!(
        "ratio to pgbench {:.2} (goal: at least 0.9)",
        medians[0] / medians[1]
    );
    if let Some(best) = medians[2..].iter().copied().max_by(f64::total_cmp) {
        println!(
            "ratio to the best job queue {:.1} (goal: at least 8)",
            medians[0] / best
        );
    }
    medians[0]
}

/// CPU seconds so far of what has to do with a trigger.
fn used(ring: &Ring) -> Result<Vec<(&'static str, f64)>> {
    Ok(vec![
        ("the gateway", usage::cpu(ring.pid(Service::Gateway, 1)?)?),
        ("Postgres", usage::cpu_of_all("postgres")?),
        ("RabbitMQ", usage::cpu_of_all("beam.smp")?),
        ("the clients", usage::cpu(std::process::id().cast_signed())?),
    ])
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn at_half_speed(ring: &Ring, load: &Load, rate: f64, time: Duration) -> Result<()> {
    let ours = load.at_rate(rate, time).await?;
    let rows = pgbench::at_rate(ring.database_url(), rate, time).await?;
    println!(
        "at half of that rate, from the planned instant of each: p50 {:.1} ms, p99 {:.1} ms (goal: \
         at most 10); pgbench, single rows: p50 {:.1} ms, p99 {:.1} ms",
        ours.at(0.5),
        ours.at(0.99),
        rows.at(0.5),
        rows.at(0.99)
    );
    Ok(())
}

/// Triggers that were answered with 201 and have no row.
async fn lost(ring: &Ring, load: &Load) -> Result<u64> {
    let rows = ring.query("SELECT count(*) FROM execs").await?;
    let rows: u64 = rows.trim().parse().context("a number of rows")?;
    Ok(load.answered().saturating_sub(rows))
}

#[expect(clippy::cast_precision_loss, reason = "at most some million")]
fn as_float(count: usize) -> f64 {
    count as f64
}
