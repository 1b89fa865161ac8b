//! The database's clock, which all replicas share.

use chrono::{DateTime, TimeDelta, Utc};
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

/// The next instant that the database tells from this one: it keeps microseconds. The
/// last one there is has none and is its own.
pub fn just_after(instant: DateTime<Utc>) -> DateTime<Utc> {
    let next = instant.checked_add_signed(TimeDelta::microseconds(1));
    next.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
