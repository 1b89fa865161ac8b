//! Escapement's REST API and the two commands that prepare it.

use std::process::ExitCode;

use api_gateway::config::DEFAULTS;
use api_gateway::{app, commands};
use clap::{Parser, Subcommand};

const NAME: &str = "api-gateway";

/// Escapement's REST API.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests until told to stop (the default)
    Serve,
    /// Bring the database to this version's schema
    Migrate,
    /// Print a new API token of an account, which is created if it is missing
    CreateAccount {
        /// Name of the account and of its namespace
        name: String,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => chassis::main(NAME, DEFAULTS, app::start),
        Command::Migrate => chassis::command(NAME, DEFAULTS, commands::migrate),
        Command::CreateAccount { name } => chassis::command(NAME, DEFAULTS, |config, _| {
            commands::create_account(config, name)
        }),
    }
}
