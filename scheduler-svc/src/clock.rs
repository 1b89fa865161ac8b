//! How far the database's clock is from ours. Instants fire by the local clock
//! (asking the database each time would cost a round trip); edits take effect
//! by the database's. A large offset is for the operator to mend.

use chrono::{TimeDelta, Utc};
use store::{PgConnection, StoreError};

/// The database's clock minus the local one; exact to half a round trip.
pub async fn offset(conn: &mut PgConnection) -> Result<TimeDelta, StoreError> {
    let asked = Utc::now();
    let database = store::clock::now(conn).await?;
    let round_trip = Utc::now() - asked;
    Ok(database - (asked + round_trip / 2))
}
