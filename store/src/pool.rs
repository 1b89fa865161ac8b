//! Connections, each held to the rights of one service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::ConnectionError;
use diesel::result::Error as QueryError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{BuildError, Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use futures::FutureExt;
use serde::Deserialize;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::address::DatabaseUrl;
use crate::connect::{Connector, TlsError};
use crate::outage::is_outage;
use crate::role::DatabaseRole;
use crate::secrets::SecretError;

/// Where the database is and how much of it one process may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Where it is, and as whom to log in: as a role that is a member of the service's
    /// own and nothing else, so that whoever takes the service over has no more.
    pub url: DatabaseUrl,
    /// Whether the login may be a superuser's, whose rights a session could take back.
    #[serde(default = "default_allow_superuser")]
    pub allow_superuser: bool,
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

fn default_allow_superuser() -> bool {
    true
}

fn default_wait() -> Duration {
    Duration::from_secs(5)
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
    /// Connections cannot be made as the URL asks.
    #[error(transparent)]
    Tls(#[from] TlsError),
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
    /// while the database is away. Connections are kept going by the runtime that
    /// this is called on.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(config: &DatabaseConfig, role: DatabaseRole) -> Result<Self, StoreError> {
        let mut manager = ManagerConfig::default();
        // Closed connections and open transactions are still refused; a ping
        // per checkout would cost a round trip each.
        manager.recycling_method = RecyclingMethod::Fast;
        let connector = Connector::new(&config.url)?;
        let superuser = Superuser::new(config.allow_superuser);
        let runtime = Handle::current();
        manager.custom_setup = Box::new(move |_| {
            let connecting = connector.clone().connect_as(role, runtime.clone());
            let superuser = superuser.clone();
            async move {
                let (connection, is_superuser) = connecting.await?;
                superuser.check(is_superuser)?;
                Ok(connection)
            }
            .boxed()
        });
        // The setup knows the address.
        let manager = AsyncDieselConnectionManager::new_with_config("", manager);
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

/// What is done about logins that may do anything: once told, or refused.
#[derive(Clone)]
struct Superuser {
    is_allowed: bool,
    was_told: Arc<AtomicBool>,
}

impl Superuser {
    fn new(is_allowed: bool) -> Self {
        Self {
            is_allowed,
            was_told: Arc::default(),
        }
    }

    fn check(&self, is_superuser: bool) -> Result<(), ConnectionError> {
        if !is_superuser {
            return Ok(());
        }
        if !self.is_allowed {
            return Err(ConnectionError::BadConnection(
                "database.url names a superuser, which database.allow_superuser = false \
                 forbids: log in as the role of this service"
                    .to_owned(),
            ));
        }
        if !self.was_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "database.url names a superuser: whoever takes this service over has the whole \
                 database server; log in as the role of this service"
            );
        }
        Ok(())
    }
}
