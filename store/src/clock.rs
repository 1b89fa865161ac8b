//! The database's clock, which all replicas share.

use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The time now, also within a transaction.
    fn clock_timestamp() -> Timestamptz;
}

/// What the database's clock shows now.
pub async fn now(conn: &mut AsyncPgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(diesel::select(clock_timestamp()).get_result(conn).await?)
}
