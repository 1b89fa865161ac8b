//! The four services as programs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

/// One of the ring's services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// api-gateway.
    #[value(name = "api-gateway")]
    Gateway,
    /// scheduler-svc.
    #[value(name = "scheduler-svc")]
    Scheduler,
    /// executor-svc.
    #[value(name = "executor-svc")]
    Executor,
    /// log-svc.
    #[value(name = "log-svc")]
    Logs,
}

impl Service {
    /// All of them, in starting order.
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Scheduler, Self::Executor, Self::Logs];

    /// The name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Gateway => "api-gateway",
            Self::Scheduler => "scheduler-svc",
            Self::Executor => "executor-svc",
            Self::Logs => "log-svc",
        }
    }

    /// The role of the database that has its rights, and as which it logs in.
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Gateway => "escapement_gateway",
            Self::Scheduler => "escapement_scheduler",
            Self::Executor => "escapement_executor",
            Self::Logs => "escapement_logs",
        }
    }

    /// Whether it takes part in messages.
    pub(crate) const fn uses_broker(self) -> bool {
        !matches!(self, Self::Logs)
    }

    /// Whether it speaks to Kubernetes.
    pub(crate) const fn uses_cluster(self) -> bool {
        matches!(self, Self::Executor | Self::Logs)
    }

    /// Whether it seals or opens secrets.
    pub(crate) const fn holds_keys(self) -> bool {
        !matches!(self, Self::Scheduler)
    }

    /// Its program, if it is built.
    pub(crate) fn file(self) -> Result<PathBuf> {
        let program = Self::folder()?.join(self.program());
        Some(program)
            .filter(|program| program.is_file())
            .with_context(|| format!("{} is not built: cargo build --bins", self.program()))
    }

    /// Services are built into the folder this program was built into.
    pub(crate) fn folder() -> Result<PathBuf> {
        let own = std::env::current_exe()?;
        let mut folders = own.ancestors().skip(1).take(2);
        let folder = folders.find(|folder| folder.file_name().is_some_and(|name| name != "deps"));
        folder
            .map(PathBuf::from)
            .context("this program is in no folder")
    }
}
