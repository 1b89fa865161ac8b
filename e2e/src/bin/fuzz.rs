//! Fuzzes a real gateway from the OpenAPI document it serves.
//!
//! Three runs of schemathesis go side by side: single requests, chains of
//! requests, and requests without a token. Each has all checks on and its
//! settings in `api-gateway/tests/fuzz`. Afterwards the gateway's own metrics say
//! how many requests there were and that none was answered with a 5xx.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use devstack::{Infra, Ring, Service};
use e2e::{Client, metrics, python};
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(15);
const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../api-gateway/tests/fuzz");
/// The number of each request's answer, by route and status.
const REQUESTS: &str = "escapement_http_request_duration_seconds_count";
/// The name of no account.
const NOBODY: &str = "nobody";
/// The region that the settings know.
const REGION: &str = "BEIJING1";

/// Runs on the infrastructure that `make fuzz` sets up.
#[derive(Parser)]
struct Options {
    /// Cases per operation, and chains in all.
    #[arg(long, default_value_t = 80)]
    examples: u32,
    /// Requests that are few enough to doubt the run.
    #[arg(long, default_value_t = 5000)]
    requests: u64,
    /// Repeats a run that printed it.
    #[arg(long)]
    seed: Option<u128>,
}

/// A run of schemathesis: a name, the account it has to itself, its arguments.
type Run<'a> = (&'static str, &'a str, &'a [&'a str]);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let program = schemathesis().await?;
    let ring = start().await?;
    let started = Instant::now();
    let examples = options.examples.to_string();
    let single = [
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        &examples,
    ];
    let chains = ["--phases", "stateful", "--max-examples", &examples];
    let anonymous = ["--phases", "coverage", "--max-examples", "1"];
    let run = |run| fuzz(&program, &ring, options.seed, run);
    let (single, chains, anonymous) = tokio::join!(
        run(("single requests", "single", &single)),
        run(("chains of requests", "chains", &chains)),
        run(("requests without a token", NOBODY, &anonymous)),
    );
    let metrics = metrics::text(&ring, Service::Gateway, 1).await?;
    let all = count(&metrics, "");
    println!("{all} requests in {:.0} s", started.elapsed().as_secs_f64());
    for result in [single, chains, anonymous] {
        result?;
    }
    ring.down().await?;
    let failed = count(&metrics, "status=\"5");
    ensure!(failed == 0, "{failed} answers were 5xx");
    ensure!(
        all >= options.requests,
        "fewer than {} requests",
        options.requests
    );
    Ok(())
}

async fn fuzz(
    program: &Path,
    ring: &Ring,
    repeated: Option<u128>,
    (name, account, arguments): Run<'_>,
) -> Result<()> {
    let (token, id) = match account {
        NOBODY => ("0".repeat(40), 0),
        account => seed(ring, account).await?,
    };
    let mut command = Command::new(program);
    command
        .current_dir(SETTINGS)
        .env("FUZZ_HOOKS", Path::new(SETTINGS).join("hooks.py"))
        .env("FUZZ_NAMESPACE", account)
        .env("FUZZ_AUTHORIZATION", format!("Token {token}"))
        .env("FUZZ_TOKEN", id.to_string())
        .args(["run", "--checks", "all", "--no-color"])
        .args(arguments)
        .arg(format!("{}/openapi.json", ring.api_url()?))
        .kill_on_drop(true);
    if let Some(seed) = repeated {
        command.arg("--seed").arg(seed.to_string());
    }
    let output = timeout(LIMIT, command.output()).await;
    judge(
        name,
        &output.with_context(|| format!("{name}: does not end"))??,
    )
}

/// A gateway alone, without limits on requests.
async fn start() -> Result<Ring> {
    let mut builder = Ring::builder(&Infra::from_env()?, "fuzz")
        .only(&[Service::Gateway])
        .env(Service::Gateway, "ESCAPEMENT__REGIONS", REGION)
        .env(
            Service::Gateway,
            "ESCAPEMENT__REGISTRATION__ENABLED",
            "true",
        );
    for limit in ["TOKEN", "ADDRESS", "FAILED_AUTHENTICATION", "LOGIN"] {
        let key = format!("ESCAPEMENT__LIMITS__{limit}__BURST");
        builder = builder.env(Service::Gateway, &key, "0");
    }
    builder.start().await
}

/// An account with a job and an exec, so that the first requests find something;
/// returns its token and the token's id.
async fn seed(ring: &Ring, account: &str) -> Result<(String, i64)> {
    let token = ring.create_account(account).await?;
    let client = Client::new(&ring.api_url()?, &token);
    let region = json!({ "region_name": REGION });
    let job = client.create_job("true", region).await?;
    client.trigger(job).await?;
    let tokens = client.send("GET", "/v1/tokens", None, 200).await?;
    let id = tokens["results"][0]["id"].as_i64();
    Ok((token, id.context("a token has a number")?))
}

#[expect(
    clippy::print_stdout,
    reason = "what was found is the program's output"
)]
fn judge(name: &str, output: &Output) -> Result<()> {
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        bail!("{name}: see above");
    }
    let summary = text.split("= SUMMARY =").nth(1).unwrap_or(&text);
    println!("{name}: {}", summary.trim_matches(['=', '\n']));
    Ok(())
}

/// Requests whose labels have this in them.
fn count(metrics: &str, label: &str) -> u64 {
    metrics
        .lines()
        .filter(|line| line.starts_with(REQUESTS) && line.contains(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// The program, installed once.
async fn schemathesis() -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(Path::new(SETTINGS).join("requirements.txt"))?;
    let programs = python::venv("fuzz", &wanted, &["--no-deps"]).await?;
    Ok(programs.join("schemathesis"))
}
