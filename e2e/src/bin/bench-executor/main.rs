//! Execs beside bare Jobs of the same pod, on the same cluster in the same run, interleaved.
//!
//! `create`: how fast Jobs are made, with nodes that there are not. `run`: programs that
//! really run, to the last log and the last pod. `timed`: schedules down to their Jobs beside
//! `CronJob`s, with pods that no node takes. `many`: what executor-svc holds after how many.

mod bare;
mod fake;
mod ours;
mod sight;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use clap::{Parser, ValueEnum};
use cluster::{Clients, ClusterConfig};
use devstack::{Infra, Service};
use e2e::{Kubectl, Times};
use serde_json::json;

use bare::Bare;
use fake::Fake;
use ours::Ours;
use sight::{Sight, between};

const LIMIT: Duration = Duration::from_mins(20);
/// The executor's setting that says on which nodes pods run.
const NODES: &str = "ESCAPEMENT__POD__NODE_SELECTOR__TYPE";

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    Create,
    Run,
    Timed,
    Many,
}

/// Runs on the infrastructure that `make bench-executor` sets up.
#[derive(Parser)]
struct Options {
    /// Which figures.
    #[arg(long, value_delimiter = ',', default_value = "create,run,timed,many")]
    parts: Vec<Part>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Jobs of a round of `create`.
    #[arg(long, default_value_t = 2000)]
    jobs: usize,
    /// Execs of a round of `run`.
    #[arg(long, default_value_t = 1000)]
    execs: usize,
    /// Schedules of a round of `timed`.
    #[arg(long, value_delimiter = ',', default_value = "1000,100")]
    schedules: Vec<usize>,
    /// Execs of `many`.
    #[arg(long, default_value_t = 20_000)]
    many: usize,
    /// Variables of executor-svc, such as `ESCAPEMENT__RECONCILE__CONCURRENCY=64`.
    #[arg(long, value_delimiter = ',')]
    told: Vec<String>,
    /// The program kwok.
    #[arg(long)]
    kwok: PathBuf,
}

struct Bench {
    options: Options,
    kube: kube::Client,
    kubectl: Kubectl,
    kubeconfig: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let kubeconfig = Infra::from_env()?.kubeconfig.context("no KUBECONFIG")?;
    let config = ClusterConfig {
        region: "bench".to_owned(),
        instance: "bench".to_owned(),
        kubeconfig: Some(kubeconfig.clone()),
        namespace_prefix: "bench-".to_owned(),
    };
    let bench = Bench {
        kube: Clients::new(&config).await?.watch,
        kubectl: Kubectl::new(devstack::kubectl()?),
        kubeconfig,
        options,
    };
    for part in &bench.options.parts {
        match part {
            Part::Create => bench.create().await?,
            Part::Run => bench.run().await?,
            Part::Timed => bench.timed().await?,
            Part::Many => bench.many().await?,
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
impl Bench {
    async fn create(&self) -> Result<()> {
        let fake = self.fake().await?;
        let ours = self.on_fake_nodes("bench-create").await?;
        let job = ours.job("true", json!({})).await?;
        let bare = self.bare(&ours, job).await?;
        let count = self.options.jobs;
        let mut ratios = Vec::new();
        for round in 1..=self.options.rounds {
            let rate = |took: Duration| count as f64 / took.as_secs_f64();
            let (mine, theirs) = (ours.create(job, count).await?, bare.create(count).await?);
            let (mine, theirs) = (rate(mine), rate(theirs));
            println!("create {round}: {mine:.0} Jobs a second, a bare client {theirs:.0}");
            ratios.push(mine / theirs);
        }
        println!("create: {} (goal: at least 0.7)", spread(ratios));
        ours.end().await?;
        fake.remove().await
    }

    async fn run(&self) -> Result<()> {
        let ours = self.ours("bench-run", &Service::ALL, &[]).await?;
        let lines = "sh -c 'i=1; while [ $i -le 20 ]; do echo line $i; i=$((i+1)); done'";
        let job = ours.job(lines, json!({ "resource_size": "XXS" })).await?;
        let bare = self.bare(&ours, job).await?;
        let count = self.options.execs;
        let mut ratios = Vec::new();
        for round in 1..=self.options.rounds {
            let (mine, theirs) = (ours.run(job, count).await?, bare.run(count).await?);
            println!("run {round}: {count} execs {mine:.1?}, bare Jobs {theirs:.1?}");
            ratios.push(theirs.as_secs_f64() / mine.as_secs_f64());
        }
        println!("run: throughput {} (goal: at least 0.95)", spread(ratios));
        ours.end().await
    }

    async fn timed(&self) -> Result<()> {
        for count in &self.options.schedules {
            let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
            for round in 1..=self.options.rounds {
                let (mine, theirs, halves) = self.timed_round(*count).await?;
                let line = |times: &Times| {
                    format!("p50 {:.0} ms, p99 {:.0}", times.at(0.5), times.at(0.99))
                };
                println!(
                    "timed {round}: {count} at one instant {} (half {halves}); CronJobs {}",
                    line(&mine),
                    line(&theirs)
                );
                p50s.push(mine.at(0.5) / theirs.at(0.5));
                p99s.push(mine.at(0.99) / theirs.at(0.99));
            }
            println!(
                "timed, {count} at one instant: p50 {}, p99 {}",
                spread(p50s),
                spread(p99s)
            );
        }
        Ok(())
    }

    /// How late each Job was, ours and theirs, and how far half of ours were when.
    async fn timed_round(&self, count: usize) -> Result<(Times, Times, String)> {
        let nowhere = [(NODES, "nowhere")];
        let ours = self.ours("bench-timed", &Service::ALL, &nowhere).await?;
        let job = ours.job("true", json!({})).await?;
        let bare = self.bare(&ours, job).await?;
        let sight = Sight::of(bare.jobs(), "").await?;
        let at = next_minute()?;
        bare.schedule(count, &at.format("%-M %-H * * *").to_string())
            .await?;
        let theirs = lateness(at, &sight.first(count, LIMIT).await?)?;
        bare.remove().await?;
        ours.warm(job).await?;
        let sight = Sight::of(ours.jobs(), &ours.selector()).await?;
        let at = next_minute()?;
        ours.schedule(count, &at.format("%FT%TZ").to_string())
            .await?;
        let mine = lateness(at, &sight.first(count, LIMIT).await?)?;
        let halves = ours.halves().await?;
        ours.end().await?;
        Ok((mine, theirs, halves))
    }

    async fn many(&self) -> Result<()> {
        let fake = self.fake().await?;
        let ours = self.on_fake_nodes("bench-many").await?;
        let job = ours.job("true", json!({})).await?;
        let sight = Sight::of(ours.jobs(), &ours.selector()).await?;
        let (step, began) = (self.options.many / 4, SystemTime::now());
        println!("many: executor-svc holds {} MiB", ours.memory()?);
        for part in 1..=4 {
            ours.trigger(job, step).await?;
            let took = between(began, sight.gone(part * step, LIMIT).await?)?;
            let (count, memory) = (part * step, ours.memory()?);
            println!("many: {count} execs after {took:.0?}, executor-svc holds {memory} MiB");
        }
        ours.end().await?;
        fake.remove().await
    }

    async fn fake(&self) -> Result<Fake> {
        Fake::start(&self.options.kwok, &self.kubeconfig, self.kubectl.clone()).await
    }

    /// Nobody reads logs, which these nodes do not have; they are given up at once.
    async fn on_fake_nodes(&self, name: &str) -> Result<Ours> {
        let services = [Service::Gateway, Service::Executor];
        let told = [(NODES, fake::LABEL), ("ESCAPEMENT__LIMITS__LOG_HOLD", "1s")];
        self.ours(name, &services, &told).await
    }

    async fn ours(&self, name: &str, services: &[Service], told: &[(&str, &str)]) -> Result<Ours> {
        let asked = self.options.told.iter();
        let asked = asked.map(|told| told.split_once('=').context("KEY=VALUE"));
        let mut all = asked.collect::<Result<Vec<_>>>()?;
        all.extend(told);
        Ours::start(name, self.kube.clone(), services, &all).await
    }

    async fn bare(&self, ours: &Ours, job: i64) -> Result<Bare> {
        let pod = ours.pod(job).await?;
        Bare::new(self.kube.clone(), self.kubectl.clone(), pod).await
    }
}

/// The next minute that leaves time to prepare.
fn next_minute() -> Result<DateTime<Utc>> {
    let soon = Utc::now() + TimeDelta::seconds(80);
    Ok(soon.duration_trunc(TimeDelta::minutes(1))?)
}

fn lateness(at: DateTime<Utc>, seen: &[SystemTime]) -> Result<Times> {
    let times = seen.iter().map(|seen| between(at.into(), *seen));
    times
        .collect::<Result<Vec<_>>>()
        .map(|all| all.into_iter().collect())
}

/// The middle one, and how far they lie apart.
fn spread(mut all: Vec<f64>) -> String {
    all.sort_by(f64::total_cmp);
    match (all.first(), all.get(all.len() / 2), all.last()) {
        (Some(least), Some(middle), Some(most)) => {
            format!("ratio {middle:.2} ({least:.2} to {most:.2})")
        }
        _ => "nothing".to_owned(),
    }
}
