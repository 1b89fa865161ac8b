//! Does one hostile client slow the others, or fill the gateway?
//!
//! One process sends the worst requests that are known, from one address, for a
//! while without a token and then with one, to a gateway with its usual limits.
//! Meanwhile another account asks for itself from another address; its times and
//! the gateway's peak memory are the figures.

mod anonymous;
mod tenant;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Runs on the infrastructure that `make hostile` sets up.
#[derive(Parser)]
struct Options {
    /// Seconds of each part.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Milliseconds that 99 of 100 of the others' requests may take.
    #[arg(long, default_value_t = 250)]
    p99: u128,
    /// MiB that the gateway may have had at its peak.
    #[arg(long, default_value_t = 300)]
    memory: u64,
}

/// What is attacked: where it listens, and a token, which the first part does not use.
#[derive(Debug, Clone)]
struct Target {
    origin: String,
    token: String,
    until: Instant,
}

/// A client that gives up: a connection that was closed while it still sent can leave it
/// waiting for ever.
fn client() -> Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(10)).build()?)
}

impl Target {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn address(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let ring = Ring::builder(&Infra::from_env()?, "hostile")
        .only(&[Service::Gateway])
        .start()
        .await?;
    let origin = ring.api_url()?;
    let bystander = Bystander::new(&origin, &ring.create_account("bystander").await?)?;
    let token = ring.create_account("hostile").await?;
    let part = Duration::from_secs(options.seconds);
    let quiet = bystander.ask_until(Instant::now() + part / 6).await?;
    report("nobody hostile", &quiet);
    let mut worst = Duration::ZERO;
    for name in ["without a token", "with a token", "who reads nothing"] {
        let target = Target {
            origin: origin.clone(),
            token: token.clone(),
            until: Instant::now() + part,
        };
        let mut attacks = JoinSet::new();
        match name {
            "without a token" => anonymous::attack(&target, &mut attacks),
            "with a token" => tenant::attack(&target, &mut attacks).await?,
            _ => drop(attacks.spawn(tenant::leave_unread(target.clone()))),
        }
        let times = bystander.ask_until(target.until).await?;
        while let Some(ended) = attacks.join_next().await {
            println!("  {}", ended??);
        }
        worst = worst.max(report(name, &times));
        let peak = peak_memory(ring.pid(Service::Gateway, 1)?)?;
        println!("  peak memory of the gateway so far: {peak} MiB");
    }
    let peak = peak_memory(ring.pid(Service::Gateway, 1)?)?;
    ring.down().await?;
    ensure!(
        worst.as_millis() < options.p99,
        "p99 of the others: {worst:?}"
    );
    ensure!(peak < options.memory, "peak memory: {peak} MiB");
    Ok(())
}

/// Somebody else, elsewhere.
struct Bystander {
    http: Client,
    url: String,
    token: String,
}

impl Bystander {
    fn new(origin: &str, token: &str) -> Result<Self> {
        let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let http = Client::builder()
            .local_address(elsewhere)
            .timeout(Duration::from_secs(30));
        Ok(Self {
            http: http.build()?,
            url: format!("{origin}/v1/account"),
            token: format!("Token {token}"),
        })
    }

    /// Asks again and again, also over new connections; the times in order.
    async fn ask_until(&self, until: Instant) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        // Making up for a stall would run into the limit of a token.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            ticks.tick().await;
            let begun = Instant::now();
            let mut request = self
                .http
                .get(&self.url)
                .header("authorization", &self.token);
            if times.len().is_multiple_of(10) {
                request = request.header("connection", "close");
            }
            let status = request.send().await?.status();
            ensure!(status == 200, "the bystander was answered {status}");
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn report(name: &str, times: &[Duration]) -> Duration {
    let at = |percent: usize| {
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default()
    };
    let (median, p99) = (at(50), at(99));
    println!(
        "{name}: {} requests of a bystander, p50 {median:.1?}, p99 {p99:.1?}, worst {:.1?}",
        times.len(),
        at(100)
    );
    p99
}

/// The most memory a process has had, in MiB.
fn peak_memory(pid: i32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes.context("no VmHWM")?.parse()?;
    Ok(kilobytes / 1024)
}
