//! The writing side of a stream. Log-svc only.

use std::io;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::chunk::Chunk;
use super::digest::Digest;
use super::gap::{GAPS_MAX, Gap};
use super::{LogLine, Stream, StreamKey};
use crate::StoreError;
use crate::schema::{log_chunks, log_streams};

/// What a stream says of itself that has gaps and is read to its end.
pub(super) const GAP: &str =
    "the node discarded lines before they were read; the places are marked";

/// Where a writer stands in its stream. A value: an append gives the next one,
/// to be kept only when its transaction was committed.
#[derive(Debug, Clone)]
pub struct Writer {
    key: StreamKey,
    epoch: i64,
    next_seq: i64,
    gaps: bool,
    /// How many of them are recorded.
    recorded_gaps: usize,
    /// `None` if it is not known of all lines.
    digest: Option<Digest>,
    /// The last chunk, which is rewritten until it is full.
    chunk: Option<Chunk>,
    last_at: Option<DateTime<Utc>>,
}

impl Writer {
    /// Of a stream that has no lines yet.
    pub(super) fn first(key: StreamKey) -> Self {
        Self {
            key,
            epoch: 1,
            next_seq: 0,
            gaps: false,
            recorded_gaps: 0,
            digest: Some(Digest::default()),
            chunk: None,
            last_at: None,
        }
    }

    /// Of a stream that ends with this chunk, whose last line has this instant.
    pub(super) fn of(
        key: StreamKey,
        stream: &Stream,
        last: Option<(Chunk, DateTime<Utc>)>,
        digest: Option<&[u8]>,
    ) -> Self {
        let (chunk, last_at) = last.unzip();
        Self {
            key,
            epoch: stream.epoch,
            next_seq: stream.next_seq,
            gaps: stream.message.is_some(),
            recorded_gaps: stream.gaps.0.len(),
            digest: Digest::restore(digest, stream.next_seq),
            chunk,
            last_at,
        }
    }

    /// The epoch this writer holds.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Number of the next line, so also how many are stored.
    pub fn next_seq(&self) -> i64 {
        self.next_seq
    }

    /// Instant of the last stored line.
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.last_at
    }

    /// The writer after `lines`, the chunks that differ, and the gaps to be recorded.
    fn after(&self, lines: &[LogLine]) -> (Self, Vec<Chunk>, Vec<Gap>) {
        let mut next = self.clone();
        let (mut filled, mut gaps) = (Vec::new(), Vec::new());
        next.chunk = next.chunk.filter(|chunk| chunk.takes(lines));
        for line in lines {
            if line.gap_before && next.recorded_gaps < GAPS_MAX {
                next.recorded_gaps += 1;
                gaps.push(Gap {
                    before_seq: next.next_seq,
                    after: next.last_at,
                    until: line.at,
                });
            }
            if let Some(digest) = &mut next.digest {
                digest.push(line);
            }
            match &mut next.chunk {
                Some(chunk) if !chunk.is_full() => chunk.push(line),
                chunk => {
                    let started = Chunk::starting_with(next.next_seq, line);
                    filled.extend(chunk.replace(started));
                }
            }
            next.next_seq += 1;
            next.last_at = Some(line.at);
            next.gaps |= line.gap_before;
        }
        // A chunk that was full before is as it was.
        filled.retain(|chunk| chunk.first_seq + i64::from(chunk.lines) > self.next_seq);
        filled.extend(next.chunk.clone());
        (next, filled, gaps)
    }
}

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
    let advanced = diesel::update(log_streams::table.find((writer.key.exec.0, writer.key.attempt)))
        .filter(log_streams::epoch.eq(writer.epoch))
        .filter(log_streams::next_seq.eq(writer.next_seq))
        .filter(log_streams::sealed_at.is_null())
        .set((
            log_streams::next_seq.eq(next.next_seq),
            log_streams::bytes.eq(log_streams::bytes + added),
            log_streams::digest_state.eq(next.digest.as_ref().map(|it| it.save(next.next_seq))),
            log_streams::gaps.eq(log_streams::gaps.concat(gaps)),
            (next.gaps && !writer.gaps).then(|| log_streams::message.eq(GAP)),
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

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
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
        Verdict::Complete | Verdict::EndsMidLine => (!writer.gaps, None),
        Verdict::Incomplete(message) => (false, Some(message.as_str())),
    };
    let sealed = diesel::update(log_streams::table.find((writer.key.exec.0, writer.key.attempt)))
        .filter(log_streams::epoch.eq(writer.epoch))
        .filter(log_streams::next_seq.eq(writer.next_seq))
        .filter(log_streams::sealed_at.is_null())
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
