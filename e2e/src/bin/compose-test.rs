//! Does docker-compose.yml start a ring that keeps its data?
//!
//! Starts it beside the development Kubernetes, makes an account, runs a job and reads its
//! log, stops and starts everything, and finds the same again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use devstack::ring::token_in;
use devstack::wait::until;
use e2e::Client;
use tokio::process::Command;

const ORIGIN: &str = "http://127.0.0.1:8080";
const START_LIMIT: Duration = Duration::from_mins(3);
const RUN_LIMIT: Duration = Duration::from_mins(1);

/// Runs on the infrastructure that `make compose-test` sets up.
#[derive(Debug, Parser)]
struct Options {
    /// The Compose program.
    #[arg(long)]
    compose: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let compose = Compose {
        program: Options::parse().compose,
        began: Instant::now(),
    };
    let done = compose.try_out().await;
    if done.is_err() {
        // Whoever reads the failure has nothing else to look at.
        compose.say(&compose.run(&["logs", "--tail", "40"]).await?);
    }
    compose.run(&["down", "--volumes"]).await?;
    done
}

struct Compose {
    program: PathBuf,
    began: Instant,
}

impl Compose {
    async fn try_out(&self) -> Result<()> {
        self.run(&["up", "--detach", "--no-build"]).await?;
        api_answers().await?;
        self.say("up");
        let make = ["exec", "-T", "api-gateway", "api-gateway", "create-account"];
        let said = self.run(&[&make[..], &["demo"]].concat()).await?;
        let client = Client::new(ORIGIN, &token_in(&said)?);
        let exec = client.run("echo kept by compose").await?;
        client.wait(&exec, "S", RUN_LIMIT).await?;
        let log = client.log(&exec).await?;
        ensure!(log.iter().any(|line| line == "kept by compose"), "{log:?}");
        self.say("a job has run");

        self.run(&["stop"]).await?;
        self.run(&["start"]).await?;
        api_answers().await?;
        self.say("stopped and started");
        let again = client.log(&exec).await?;
        ensure!(again == log, "{again:?} instead of {log:?}");
        let second = client.trigger(exec.job).await?;
        client.wait(&second, "S", RUN_LIMIT).await?;
        self.say("its log is still there, and the job has run again");
        Ok(())
    }

    async fn run(&self, words: &[&str]) -> Result<String> {
        let files = ["-f", "docker-compose.yml", "-f", "deploy/compose/test.yml"];
        let mut command = Command::new(&self.program);
        command.args(files).args(words).kill_on_drop(true);
        let output = command.output().await.context("cannot start Compose")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "compose {words:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }

    #[expect(
        clippy::print_stdout,
        reason = "what has been done is the program's output"
    )]
    fn say(&self, done: &str) {
        println!("{:>5.0} s  {done}", self.began.elapsed().as_secs_f64());
    }
}

async fn api_answers() -> Result<()> {
    let probe = || async {
        let answer = reqwest::get(format!("{ORIGIN}/openapi.json")).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    until("the API answers", START_LIMIT, probe).await
}
