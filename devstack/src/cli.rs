//! The commands of the `devstack` program.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::infra::Infra;
use crate::part::Part;
use crate::progress::Progress;
use crate::root::Root;
use crate::session::{self, Session, interrupted};
use crate::teardown::{self, down};
use crate::{Given, main_stack};

/// Runs the whole of Escapement on this machine.
#[derive(Debug, Parser)]
#[command(name = "devstack", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything that does not run yet, and run a first job.
    Up,
    /// Stop everything; data stays for the next `up`.
    Down,
    /// Say what runs.
    Status,
    /// End a component as a crash would.
    Kill {
        /// A name that `status` shows.
        component: String,
    },
    /// Stop a component in order and start it again.
    Restart {
        /// A name that `status` shows.
        component: String,
    },
    /// Start parts for tests, run a command with their addresses, end all of it.
    With {
        /// What the command needs.
        #[arg(required = true, value_enum)]
        parts: Vec<Part>,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

impl Cli {
    /// Does what the command line says.
    pub async fn run(self) -> Result<ExitCode> {
        let root = Root::of_checkout()?;
        match self.command {
            Command::Up => Box::pin(up(&root)).await,
            Command::Down => stop(&root).await,
            Command::Status => main_stack::status(&root),
            Command::Kill { component } => {
                let _session = Session::open(&root)?;
                main_stack::kill(&root, &component).await
            }
            Command::Restart { component } => {
                let _session = Session::open(&root)?;
                main_stack::restart(&root, &component).await
            }
            Command::With { parts, command } => Box::pin(with(&parts, &command)).await,
        }
    }
}

async fn up(root: &Root) -> Result<ExitCode> {
    let _session = Session::open(root)?;
    let given = Given::from_env(&[root])?;
    let interrupted = tokio::select! {
        done = main_stack::up(root, &given) => {
            // What runs stays for a look at it; `down` ends it.
            return done.map(|()| ExitCode::SUCCESS);
        }
        signal = interrupted() => signal,
    };
    interrupted?;
    Progress::Shown.line("interrupted; stopping what was started");
    down(root).await?;
    Ok(ExitCode::from(130))
}

/// Ends the stack, and test infrastructure that a crash left behind.
async fn stop(root: &Root) -> Result<ExitCode> {
    let _session = Session::open(root)?;
    down(root).await?;
    if root.path("test").exists() {
        let tests = Root::of_tests()?;
        if let Ok(_unused) = Session::open(&tests) {
            down(&tests).await?;
        }
    }
    Progress::Shown.line("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn with(parts: &[Part], command: &[String]) -> Result<ExitCode> {
    let root = Root::of_tests()?;
    let _session = Session::open(&root)?;
    let given = Given::from_env(&[&root, &Root::of_checkout()?])?;
    // A crashed run may have left processes and data.
    down(&root).await?;
    teardown::forget(&root)?;
    let infra = tokio::select! {
        infra = Infra::up(&root, parts, &given, Progress::Aside) => infra.map(Some),
        signal = interrupted() => signal.map(|()| None),
    };
    let code = match infra {
        Ok(Some(infra)) => session::run_command(command, &infra.variables())
            .await
            .map(session::exit_code),
        Ok(None) => Ok(ExitCode::from(130)),
        Err(error) => Err(error),
    };
    down(&root).await?;
    code
}
