//! The writing side of a stream. Log-svc only.

use std::io;

use diesel::dsl::{auto_type, now};
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::chunk::Chunk;
use super::digest::Digest;
use super::{LogLine, StreamKey, Writer};
use crate::StoreError;
use crate::schema::{log_chunks, log_streams};

/// What a stream says of itself that has gaps and is read to its end.
pub(super) const GAP: &str =
    "the node discarded lines before they were read; the places are marked";

/// What became of an [`append`].
#[derive(Debug)]
pub enum Append {
    /// Stored, once the transaction is committed.
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

/// Adds lines after the last one. Must run in a transaction of its own.
pub async fn append(
    conn: &mut AsyncPgConnection,
    writer: &Writer,
    lines: &[LogLine],
) -> Result<Append, StoreError> {
    let (next, chunks, gaps) = writer.after(lines);
    let added: usize = lines.iter().map(|line| line.bytes.len()).sum();
    let added = i64::try_from(added).unwrap_or(i64::MAX);
    let gaps = serde_json::to_value(gaps).map_err(unwritable)?;
    let advanced = diesel::update(row(writer))
        .set((
            log_streams::next_seq.eq(next.next_seq),
            log_streams::bytes.eq(log_streams::bytes + added),
            log_streams::digest_state.eq(next.digest.as_ref().map(|it| it.save(next.next_seq))),
            log_streams::gaps.eq(log_streams::gaps.concat(gaps)),
            (next.is_partial && !writer.is_partial).then(|| log_streams::message.eq(GAP)),
        ))
        .execute(conn)
        .await?;
    if advanced == 0 {
        return Ok(Append::Fenced);
    }
    for chunk in &chunks {
        put(conn, writer.key, chunk).await?;
    }
    Ok(Append::Written(next))
}

async fn put(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    chunk: &Chunk,
) -> Result<(), StoreError> {
    let data = chunk.compress().map_err(unwritable)?;
    let raw_bytes = i32::try_from(chunk.raw.len()).map_err(unwritable)?;
    diesel::insert_into(log_chunks::table)
        .values((
            log_chunks::exec_id.eq(key.exec.0),
            log_chunks::attempt.eq(key.attempt),
            log_chunks::first_seq.eq(chunk.first_seq),
            log_chunks::lines.eq(chunk.lines),
            log_chunks::first_at.eq(chunk.first_at),
            log_chunks::last_at.eq(chunk.last_at),
            log_chunks::raw_bytes.eq(raw_bytes),
            log_chunks::data.eq(data),
        ))
        .on_conflict((
            log_chunks::exec_id,
            log_chunks::attempt,
            log_chunks::first_seq,
        ))
        .do_update()
        .set((
            log_chunks::lines.eq(excluded(log_chunks::lines)),
            log_chunks::first_at.eq(excluded(log_chunks::first_at)),
            log_chunks::last_at.eq(excluded(log_chunks::last_at)),
            log_chunks::raw_bytes.eq(excluded(log_chunks::raw_bytes)),
            log_chunks::data.eq(excluded(log_chunks::data)),
        ))
        .execute(conn)
        .await?;
    Ok(())
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
        Verdict::Complete | Verdict::EndsMidLine => (!writer.is_partial, None),
        Verdict::Incomplete(message) => (false, Some(message.as_str())),
    };
    let sealed = diesel::update(row(writer))
        .set((
            log_streams::sealed_at.eq(now),
            log_streams::complete.eq(complete),
            log_streams::digest_state.eq(None::<Vec<u8>>),
            log_streams::sha256.eq(writer.digest.clone().map(Digest::finish)),
            log_streams::ends_mid_line.eq(*verdict == Verdict::EndsMidLine),
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
