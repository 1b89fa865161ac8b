//! Escapement's Postgres: the only crate with SQL.
//!
//! One module a table group, functions named after what they are for. A query
//! takes a connection, never a pool: the caller owns the transaction, so any
//! two queries compose.

pub mod access;
pub mod accounts;
mod address;
pub mod admission;
pub mod audit;
pub mod backfills;
pub mod calendars;
pub mod clock;
mod connect;
pub mod events;
pub mod execs;
pub mod idempotency;
pub mod jobs;
pub mod leases;
pub mod lifecycle;
pub mod logs;
pub mod memberships;
pub mod migrate;
mod outage;
pub mod page;
pub mod pool;
pub mod purge;
pub mod registries;
pub mod restore;
mod role;
pub mod schedules;
pub mod schema;
pub mod secrets;
pub mod slots;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
mod transaction;

pub use address::{DatabaseUrl, UrlError};
pub use connect::TlsError;
pub use diesel_async::{AsyncConnection, AsyncPgConnection as PgConnection};
pub use pool::{DatabaseConfig, PooledConnection, Store, StoreError};
pub use role::DatabaseRole;
pub use transaction::transaction;
