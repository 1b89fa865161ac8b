//! The writing side of a stream. Log-svc only.

use std::io;

use chrono::{DateTime, Utc};
use diesel::dsl::{auto_type, now};
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::digest::Digest;
use super::{LogLine, Writer};
use crate::StoreError;
use crate::schema::log_streams;
use crate::statement::statement;

/// What a stream says of itself that has gaps and is read to its end.
pub(super) const GAP: &str =
    "the node discarded lines before they were read; the places are marked";

/// What became of an [`append`].
#[derive(Debug)]
pub enum Append {
    /// Stored, once the transaction is committed if there is one.
    Written(Writer),
    /// Nothing was stored: the stream is not where this writer believes.
    Fenced,
}

/// What became of a [`seal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Closed for good. `complete` is false if a gap was stored earlier.
    Sealed {
        /// Whether every line is there.
        complete: bool,
    },
    /// Nothing changed: the stream is not where this writer believes.
    Fenced,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every line that the node kept is stored.
    Complete,
    /// The same, and the last of them has no newline.
    EndsMidLine,
    /// Every line that the program printed is stored, as it has proved itself.
    Proven {
        /// Whether the last of them has no newline.
        ends_mid_line: bool,
    },
    /// Lines may be missing, for this reason.
    Incomplete(String),
}

/// The stream's row, if it is where this writer believes.
pub(super) fn row(writer: &Writer) -> held {
    held(
        writer.key.exec.0,
        writer.key.attempt,
        writer.epoch,
        writer.next_seq,
    )
}

#[auto_type]
fn held(exec: Uuid, attempt: i32, epoch: i64, next_seq: i64) -> _ {
    log_streams::table
        .find((exec, attempt))
        .filter(log_streams::epoch.eq(epoch))
        .filter(log_streams::next_seq.eq(next_seq))
        .filter(log_streams::sealed_at.is_null())
}

statement! {
    /// All of an append at once: nothing is stored unless the stream is where its writer
    /// believes, and a batch costs one round trip and one commit.
    AppendChunks {
        next_seq: i64 as BigInt,
        added: i64 as BigInt,
        digest_state: Option<Vec<u8>> as Nullable<Binary>,
        gaps: Value as Jsonb,
        message: Option<&'static str> as Nullable<Text>,
        exec: Uuid as SqlUuid,
        attempt: i32 as Integer,
        epoch: i64 as BigInt,
        seq: i64 as BigInt,
        first_seqs: Vec<i64> as Array<BigInt>,
        lines: Vec<i32> as Array<Integer>,
        first_ats: Vec<DateTime<Utc>> as Array<Timestamptz>,
        last_ats: Vec<DateTime<Utc>> as Array<Timestamptz>,
        raw_bytes: Vec<i32> as Array<Integer>,
        data: Vec<Vec<u8>> as Array<Binary>,
    } -> BigInt =
        "WITH held AS (
            UPDATE log_streams SET next_seq = ?, bytes = bytes + ?, digest_state = ?,
                gaps = gaps || ?, message = coalesce(?, message)
            WHERE exec_id = ? AND attempt = ? AND epoch = ? AND next_seq = ?
                AND sealed_at IS NULL
            RETURNING exec_id, attempt)
        INSERT INTO log_chunks
            (exec_id, attempt, first_seq, lines, first_at, last_at, raw_bytes, data)
        SELECT held.*, chunk.* FROM held, unnest(?, ?, ?, ?, ?, ?) chunk
        ON CONFLICT (exec_id, attempt, first_seq) DO UPDATE SET
            lines = excluded.lines, first_at = excluded.first_at, last_at = excluded.last_at,
            raw_bytes = excluded.raw_bytes, data = excluded.data
        RETURNING first_seq";
}

/// Adds lines after the last one; without lines there is nothing to do, or to lose.
pub async fn append(
    conn: &mut AsyncPgConnection,
    writer: &Writer,
    lines: &[LogLine],
) -> Result<Append, StoreError> {
    if lines.is_empty() {
        return Ok(Append::Written(writer.clone()));
    }
    let (next, chunks, gaps) = writer.after(lines);
    let added: usize = lines.iter().map(|line| line.bytes.len()).sum();
    let mut append = AppendChunks {
        next_seq: next.next_seq,
        added: i64::try_from(added).unwrap_or(i64::MAX),
        digest_state: next.digest.as_ref().map(|it| it.save(next.next_seq)),
        gaps: serde_json::to_value(gaps).map_err(unwritable)?,
        message: (next.is_partial && !writer.is_partial).then_some(GAP),
        exec: writer.key.exec.0,
        attempt: writer.key.attempt,
        epoch: writer.epoch,
        seq: writer.next_seq,
        first_seqs: Vec::new(),
        lines: Vec::new(),
        first_ats: Vec::new(),
        last_ats: Vec::new(),
        raw_bytes: Vec::new(),
        data: Vec::new(),
    };
    for chunk in &chunks {
        append.first_seqs.push(chunk.first_seq);
        append.lines.push(chunk.lines);
        append.first_ats.push(chunk.first_at);
        append.last_ats.push(chunk.last_at);
        let raw_bytes = i32::try_from(chunk.raw.len()).map_err(unwritable)?;
        append.raw_bytes.push(raw_bytes);
        append.data.push(chunk.compress().map_err(unwritable)?);
    }
    let stored: Vec<i64> = append.load(conn).await?;
    Ok(if stored.is_empty() {
        Append::Fenced
    } else {
        Append::Written(next)
    })
}

pub(super) fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Query(QueryError::SerializationError(Box::new(io::Error::other(
        error,
    ))))
}

/// Closes the stream for good.
pub async fn seal(
    conn: &mut AsyncPgConnection,
    writer: &Writer,
    verdict: &Verdict,
) -> Result<Seal, StoreError> {
    let (complete, message) = match verdict {
        Verdict::Complete | Verdict::EndsMidLine | Verdict::Proven { .. } => {
            (!writer.is_partial, None)
        }
        Verdict::Incomplete(message) => (false, Some(message.as_str())),
    };
    let is_proven = matches!(verdict, Verdict::Proven { .. });
    let ends_mid_line = match verdict {
        Verdict::Proven { ends_mid_line } => *ends_mid_line,
        verdict => *verdict == Verdict::EndsMidLine,
    };
    let sealed = diesel::update(row(writer))
        .set((
            log_streams::sealed_at.eq(now),
            log_streams::complete.eq(complete),
            log_streams::digest_state.eq(None::<Vec<u8>>),
            log_streams::sha256.eq(writer.digest.clone().map(Digest::finish)),
            log_streams::ends_mid_line.eq(ends_mid_line),
            // What was lost before the end is lost.
            log_streams::proven.eq(complete && is_proven),
            message.map(|message| log_streams::message.eq(message)),
        ))
        .execute(conn)
        .await?;
    Ok(if sealed == 0 {
        Seal::Fenced
    } else {
        Seal::Sealed { complete }
    })
}
