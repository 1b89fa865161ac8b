//! Runs execs as Kubernetes Jobs and records how they end.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use executor_svc::config::DEFAULTS;
use executor_svc::{app, release};

const NAME: &str = "executor-svc";

/// Runs execs as Kubernetes Jobs and records how they end.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run execs until told to stop (the default)
    Serve,
    /// Remove everything of this installation from the cluster, before it is uninstalled;
    /// no executor-svc of the region may run
    Release {
        /// Although programs run, or outcomes or logs are not stored yet
        #[arg(long)]
        now: bool,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => chassis::main(NAME, DEFAULTS, app::start),
        Command::Release { now } => {
            chassis::command(NAME, DEFAULTS, move |config, _| release::run(config, now))
        }
    }
}
