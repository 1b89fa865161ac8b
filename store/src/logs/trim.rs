//! A log without its middle: what a program prints without end may fill no disk, and its
//! beginning and its end tell more than what lies between.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::dsl::{max, min};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::chunk::framed;
use super::writing::{Append, row, unwritable};
use super::{Keep, StreamKey, Writer};
use crate::StoreError;
use crate::schema::{log_chunks, log_streams};
use crate::statement::statement;

/// What a stream says of itself that is read to its end and has left something out.
pub(super) const LEFT_OUT: &str =
    "it is larger than may be kept; the place where lines were left out is marked";

/// Four chunks.
const SLACK_MIN: i64 = 256 * 1024;

/// Why lines are left out.
pub const TOO_LARGE: &str = "the log is larger than may be kept";

impl Keep {
    /// More than this is trimmed. Each time looks at all chunks that are kept, so it has to
    /// be worth it.
    pub(super) fn limit(self) -> i64 {
        let kept = self.first.saturating_add(self.last);
        kept.saturating_add((kept / 16).max(SLACK_MIN))
    }
}

/// The lines that were left out between the beginning and the end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromSqlRow)]
pub struct LeftOut {
    /// Number of the first of them.
    pub from_seq: i64,
    /// Number of the line after the last of them.
    pub until_seq: i64,
    /// Their bytes, without newlines.
    pub bytes: i64,
    /// When the lines before them were received, if there are any.
    pub after: Option<DateTime<Utc>>,
    /// When the lines after them were received.
    pub until: DateTime<Utc>,
}

impl LeftOut {
    /// How many.
    pub fn lines(&self) -> i64 {
        self.until_seq - self.from_seq
    }
}

impl FromSql<Jsonb, Pg> for LeftOut {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value = <Value as FromSql<Jsonb, Pg>>::from_sql(value)?;
        Ok(serde_json::from_value(value)?)
    }
}

statement! {
    DeleteMiddle {
        exec: Uuid as SqlUuid,
        attempt: i32 as Integer,
        chunks_of: Uuid as SqlUuid,
        chunks_attempt: i32 as Integer,
        first: i64 as BigInt,
        left_out_from: i64 as BigInt,
        last: i64 as BigInt,
    } -> (BigInt, Integer, Integer) =
        "WITH kept AS (
            SELECT first_seq,
                sum(raw_bytes) OVER (ORDER BY first_seq) - raw_bytes AS before,
                sum(raw_bytes) OVER (ORDER BY first_seq DESC) - raw_bytes AS after
            FROM log_chunks WHERE exec_id = ? AND attempt = ?)
        DELETE FROM log_chunks chunk USING kept
        WHERE chunk.exec_id = ? AND chunk.attempt = ? AND chunk.first_seq = kept.first_seq
            AND (kept.before >= ? OR kept.first_seq >= ?) AND kept.after >= ?
        RETURNING chunk.first_seq, chunk.lines, chunk.raw_bytes";
}

/// Leaves out what lies between the first and the last bytes to be kept. Must run in a
/// transaction of its own.
pub async fn trim(
    conn: &mut AsyncPgConnection,
    writer: &Writer,
    keep: Keep,
) -> Result<Append, StoreError> {
    let key = writer.key;
    let held: Option<i64> = row(writer)
        .select(log_streams::epoch)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    if held.is_none() {
        return Ok(Append::Fenced);
    }
    let middle = DeleteMiddle {
        exec: key.exec.0,
        attempt: key.attempt,
        chunks_of: key.exec.0,
        chunks_attempt: key.attempt,
        first: keep.first,
        // What follows it is the end, however much of the beginning is kept by now.
        left_out_from: writer.left_out().map_or(i64::MAX, |it| it.from_seq),
        last: keep.last,
    };
    let gone: Vec<(i64, i32, i32)> = middle.load(conn).await?;
    let ends = gone
        .iter()
        .map(|(first_seq, lines, _)| first_seq + i64::from(*lines));
    let (Some(from_seq), Some(until_seq)) = (gone.iter().map(|it| it.0).min(), ends.max()) else {
        return Ok(Append::Written(writer.clone()));
    };
    let raw: i64 = gone.iter().map(|(_, _, raw)| i64::from(*raw)).sum();
    let before = writer.left_out();
    let from_seq = before.map_or(from_seq, |before| from_seq.min(before.from_seq));
    let until_seq = before.map_or(until_seq, |before| until_seq.max(before.until_seq));
    let (after, until) = bounds(conn, key, from_seq, until_seq).await?;
    let lines: i64 = gone.iter().map(|(_, lines, _)| i64::from(*lines)).sum();
    let left_out = LeftOut {
        from_seq,
        until_seq,
        bytes: before.map_or(0, |before| before.bytes) + raw - framed(lines, 0),
        after,
        until: until.or(writer.last_at()).unwrap_or_default(),
    };
    diesel::update(log_streams::table.find((key.exec.0, key.attempt)))
        .set((
            log_streams::left_out.eq(serde_json::to_value(&left_out).map_err(unwritable)?),
            // It would be that of lines which nobody can read.
            log_streams::digest_state.eq(None::<Vec<u8>>),
            (!writer.is_partial).then(|| log_streams::message.eq(LEFT_OUT)),
        ))
        .execute(conn)
        .await?;
    Ok(Append::Written(writer.without(left_out, raw)))
}

/// When the lines before these and those after them were received.
async fn bounds(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    from_seq: i64,
    until_seq: i64,
) -> Result<(Option<DateTime<Utc>>, Option<DateTime<Utc>>), StoreError> {
    let chunks = log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt));
    let after = chunks
        .filter(log_chunks::first_seq.lt(from_seq))
        .select(max(log_chunks::last_at))
        .first(conn)
        .await?;
    let until = chunks
        .filter(log_chunks::first_seq.ge(until_seq))
        .select(min(log_chunks::first_at))
        .first(conn)
        .await?;
    Ok((after, until))
}
