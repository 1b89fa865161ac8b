//! The whole ring on one machine: starts, stops, kills and restarts every part

use std::process::ExitCode;

use clap::Parser as _;
use devstack::Progress;
use devstack::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            Progress::Aside.line(&format!("devstack: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
