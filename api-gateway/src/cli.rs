//! The program's commands: the service, and what operators do beside it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::DEFAULTS;
use crate::{app, commands, openapi};

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
    /// Print the `OpenAPI` document
    Openapi,
    /// Bring the database to this version's schema
    Migrate,
    /// Create a user and print an API token
    CreateAccount {
        /// Name of the account and of its namespace
        name: String,
        /// Create an organisation instead, which has no tokens
        #[arg(long, requires = "owner")]
        organisation: bool,
        /// The user who is to be an admin of the organisation
        #[arg(long, value_name = "USER", requires = "organisation")]
        owner: Option<String>,
        /// Set the user's password to the first line of the standard input
        #[arg(long, conflicts_with = "organisation")]
        password_stdin: bool,
        /// Do so for a user who exists already, too; a new password ends all tokens
        #[arg(long, conflicts_with = "organisation")]
        existing: bool,
    },
    /// After a backup was put back and before any service is started: let nothing start
    /// that may have started since the backup
    AfterRestore,
    /// Seal all secrets with the first of the configured keys
    ResealSecrets,
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    match Cli::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => chassis::main(NAME, DEFAULTS, app::start),
        Command::Openapi => print(openapi::text()),
        Command::Migrate => chassis::command(NAME, DEFAULTS, commands::migrate),
        Command::CreateAccount {
            name,
            owner,
            password_stdin,
            existing,
            organisation: _,
        } => chassis::command(NAME, DEFAULTS, move |config, _| async move {
            match owner {
                Some(owner) => commands::create_organisation(config, name, owner).await,
                None => commands::create_account(config, name, (password_stdin, existing)).await,
            }
        }),
        Command::AfterRestore => chassis::command(NAME, DEFAULTS, commands::after_restore),
        Command::ResealSecrets => chassis::command(NAME, DEFAULTS, commands::reseal_secrets),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
