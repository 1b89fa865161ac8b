//! Connections, each held to the rights of one service.

use std::fmt;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::result::Error as QueryError;
use diesel_async::pooled_connection::deadpool::{BuildError, Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use crate::outage::is_outage;
use crate::secrets::SecretError;

/// How long one statement may take, so that a lock nobody gives back or a
/// stalled disk does not hold its caller for ever.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// When a silent server is taken for gone: about 25 s without traffic, 30 s
/// with a request on its way. In seconds.
const LIVENESS: &str =
    "keepalives_idle=10&keepalives_interval=5&keepalives_retries=3&tcp_user_timeout=30";

/// Where the database is and how much of it one process may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// Connections at most.
    #[serde(default = "default_pool_size")]
    pub pool_size: usize,
    /// How long a caller waits for a free connection before it is told that
    /// the database is unavailable.
    #[serde(default = "default_wait", with = "humantime_serde")]
    pub wait: Duration,
}

fn default_pool_size() -> usize {
    8
}

fn default_wait() -> Duration {
    Duration::from_secs(5)
}

/// The database role of a service. Its grants, in the migrations, are the
/// columns that the service owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// api-gateway
    Gateway,
    /// scheduler-svc
    Scheduler,
    /// executor-svc
    Executor,
    /// log-svc
    Logs,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "escapement_gateway",
            Self::Scheduler => "escapement_scheduler",
            Self::Executor => "escapement_executor",
            Self::Logs => "escapement_logs",
        })
    }
}

/// Why the store could not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database is away or has no connection to spare; trying again later
    /// may work.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused the query.
    #[error("a query failed")]
    Query(#[source] QueryError),
    /// A stored value is not one this version knows.
    #[error("the database holds an unknown {what}: {value}")]
    Unknown {
        /// Which column or field.
        what: &'static str,
        /// The value found.
        value: String,
    },
    /// The pool could not be made.
    #[error("the connection pool could not be made")]
    Pool(#[source] BuildError),
    /// A sealed value cannot be used.
    #[error("a secret cannot be used")]
    Secret(#[from] SecretError),
}

impl StoreError {
    /// Whether the cause is the connection and not the query.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        if is_outage(&error) {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Query(error)
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// A connection lent by the pool; derefs to [`AsyncPgConnection`].
pub type PooledConnection = Object<AsyncPgConnection>;

/// The database, seen with the rights of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool<AsyncPgConnection>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Makes the pool; connects on first use, so that a service can start
    /// while the database is away.
    pub fn new(config: &DatabaseConfig, role: Role) -> Result<Self, StoreError> {
        let mut manager = ManagerConfig::default();
        // Closed connections and open transactions are still refused; a ping
        // per checkout would cost a round trip each.
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |url| {
            let url = url.to_owned();
            async move { connect_as(&url, role).await }.boxed()
        });
        let url = config.url.expose_secret();
        let manager = AsyncDieselConnectionManager::new_with_config(url, manager);
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .wait_timeout(Some(config.wait))
            .create_timeout(Some(config.wait))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(StoreError::Pool)?;
        Ok(Self { pool })
    }

    /// Lends a connection.
    pub async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

/// Whoever logs in, the session works with the rights of one service only.
async fn connect_as(url: &str, role: Role) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(&with_liveness(url)).await?;
    let limit = STATEMENT_LIMIT.as_millis();
    // Its firings are one statement, which takes longer to plan than to run.
    let plans = match role {
        Role::Scheduler => "force_generic_plan",
        Role::Gateway | Role::Executor | Role::Logs => "auto",
    };
    connection
        .batch_execute(&format!(
            "SET ROLE {role}; SET TIME ZONE 'UTC'; SET statement_timeout = {limit}; \
             SET plan_cache_mode = {plans}"
        ))
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Has the kernel give up a connection whose other end is gone. What the
/// configured URL says itself stands: of two values the later one counts.
fn with_liveness(url: &str) -> String {
    match url.split_once('?') {
        Some((address, parameters)) => format!("{address}?{LIVENESS}&{parameters}"),
        None => format!("{url}?{LIVENESS}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_its_own_parameters() {
        let bare = with_liveness("postgres://u:p@h:1/d");
        assert_eq!(bare, format!("postgres://u:p@h:1/d?{LIVENESS}"));
        let own = with_liveness("postgres://h/d?tcp_user_timeout=5");
        assert!(own.ends_with("&tcp_user_timeout=5"), "{own}");
    }
}
