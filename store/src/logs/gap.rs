//! Places of a stream where lines may be missing.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Jsonb;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// So many places of a stream are recorded; all are marked in the log.
pub(crate) const GAPS_MAX: usize = 100;

/// Why a node has gaps.
pub const DISCARDED: &str = "the node discarded lines before they were read";

/// A place where the node had discarded lines before they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Number of the line after it.
    pub before_seq: i64,
    /// When the line before it was received, if there is one.
    pub after: Option<DateTime<Utc>>,
    /// When the line after it was received.
    pub until: DateTime<Utc>,
}

/// The recorded places of a stream, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, FromSqlRow)]
pub struct Gaps(pub Vec<Gap>);

impl FromSql<Jsonb, Pg> for Gaps {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value = <Value as FromSql<Jsonb, Pg>>::from_sql(value)?;
        Ok(serde_json::from_value(value)?)
    }
}
