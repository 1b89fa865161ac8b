//! Who a service is for Postgres.

use std::fmt;

/// The database role of a service. Its grants, in the migrations, are the
/// columns that the service owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseRole {
    /// api-gateway
    Gateway,
    /// scheduler-svc
    Scheduler,
    /// executor-svc
    Executor,
    /// log-svc
    Logs,
}

impl DatabaseRole {
    /// The service's name.
    #[must_use]
    pub fn service(self) -> &'static str {
        match self {
            Self::Gateway => "api-gateway",
            Self::Scheduler => "scheduler-svc",
            Self::Executor => "executor-svc",
            Self::Logs => "log-svc",
        }
    }
}

impl fmt::Display for DatabaseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "escapement_gateway",
            Self::Scheduler => "escapement_scheduler",
            Self::Executor => "escapement_executor",
            Self::Logs => "escapement_logs",
        })
    }
}
