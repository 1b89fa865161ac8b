//! Brings a database to this version's schema.

use diesel_async::AsyncMigrationHarness;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use crate::address::DatabaseUrl;
use crate::connect::{Connector, TlsError};

/// Every migration, in order.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Why the schema could not be brought up to date.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// A connection cannot be made as the URL asks.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection.
    #[error("cannot connect to the database")]
    Connect(#[source] diesel::ConnectionError),
    /// A step failed; the database is as it was before that step.
    #[error("a migration failed")]
    Step(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Runs what has not run yet, as the user of `url`, who will own the tables.
/// Returns the names of the migrations that ran. Two processes may call it at
/// once: the second waits and finds nothing to do.
///
/// Needs the multi-threaded runtime.
pub async fn run(url: &DatabaseUrl) -> Result<Vec<String>, MigrateError> {
    use diesel_async::SimpleAsyncConnection;
    let connector = Connector::new(url)?;
    let (mut connection, _) = connector.connect().await.map_err(MigrateError::Connect)?;
    // Any number that is ours; freed when the session ends.
    connection
        .batch_execute("SELECT pg_advisory_lock(7166571)")
        .await
        .map_err(|error| MigrateError::Step(Box::new(error)))?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let versions = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(MigrateError::Step)?;
    Ok(versions.iter().map(ToString::to_string).collect())
}
