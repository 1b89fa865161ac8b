//! The reading side of a stream: chunk by chunk, so that memory stays small
//! however long the log is.

use std::io;

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::chunk::{self, Chunk};
use super::{LogLine, StreamKey};
use crate::StoreError;
use crate::schema::log_chunks;

/// Chunks fetched at a time: about 256 KiB of text.
pub(super) const FETCH: u8 = 4;

/// Part of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Number of the first line.
    pub from_seq: i64,
    /// No lines before this instant.
    pub since: Option<DateTime<Utc>>,
    /// No lines at or after this instant.
    pub until: Option<DateTime<Utc>>,
}

/// Size of a page; whichever is reached first ends it. A page holds at least
/// one line if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// Lines at most.
    pub lines: usize,
    /// Bytes of lines after which the page ends.
    pub bytes: usize,
}

/// A line and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequencedLine {
    /// Its number in the stream, from 0.
    pub seq: i64,
    /// The line.
    pub line: LogLine,
}

/// Some lines, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<SequencedLine>,
    /// Where the next page begins; also the place to look for lines that are
    /// printed later.
    pub next_seq: i64,
    /// Whether there are lines after this page already.
    pub more: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = log_chunks)]
pub(super) struct ChunkRow {
    pub(super) first_seq: i64,
    lines: i32,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    raw_bytes: i32,
    data: Vec<u8>,
}

impl ChunkRow {
    fn raw(&self) -> Result<Vec<u8>, StoreError> {
        let size = usize::try_from(self.raw_bytes).unwrap_or_default();
        chunk::decompress(&self.data, size).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &io::Error) -> StoreError {
        StoreError::Unknown {
            what: "log chunk",
            value: format!("first_seq {}: {error}", self.first_seq),
        }
    }

    pub(super) fn end(&self) -> i64 {
        self.first_seq + i64::from(self.lines)
    }

    /// Shows every line with its number.
    pub(super) fn visit(&self, mut visit: impl FnMut(i64, LogLine)) -> Result<(), StoreError> {
        let raw = self.raw()?;
        for (seq, line) in (self.first_seq..).zip(chunk::lines(&raw)) {
            visit(seq, line.map_err(|error| self.unreadable(&error))?);
        }
        Ok(())
    }
}

/// Reads a page of `span`.
pub async fn read(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    span: Span,
    limits: PageLimits,
) -> Result<LogPage, StoreError> {
    let mut page = LogPage {
        lines: Vec::new(),
        next_seq: span.from_seq,
        more: false,
    };
    let mut bytes = 0;
    let mut from = chunk_of(conn, key, span.from_seq).await?;
    loop {
        let chunks = chunks(
            conn,
            key,
            Span {
                from_seq: from,
                ..span
            },
        )
        .await?;
        for chunk in &chunks {
            chunk.visit(|seq, line| {
                if seq < page.next_seq || page.more {
                    return;
                }
                if !span.holds(line.at) {
                    page.next_seq = seq + 1;
                } else if page.lines.len() >= limits.lines || bytes >= limits.bytes {
                    page.more = true;
                } else {
                    bytes += line.bytes.len();
                    page.next_seq = seq + 1;
                    page.lines.push(SequencedLine { seq, line });
                }
            })?;
        }
        match chunks.get(usize::from(FETCH) - 1) {
            Some(last) if !page.more => from = last.end(),
            _ => return Ok(page),
        }
    }
}

impl Span {
    pub(super) fn holds(&self, at: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// First line of the chunk that holds line `seq`.
async fn chunk_of(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    seq: i64,
) -> Result<i64, StoreError> {
    let found: Option<i64> = log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt))
        .filter(log_chunks::first_seq.le(seq))
        .select(max(log_chunks::first_seq))
        .first(conn)
        .await?;
    Ok(found.unwrap_or(0))
}

/// The next few chunks that may hold lines of `span`.
async fn chunks(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    span: Span,
) -> Result<Vec<ChunkRow>, StoreError> {
    let query = overlapping(key, span).order(log_chunks::first_seq);
    let query = query.limit(i64::from(FETCH)).select(ChunkRow::as_select());
    Ok(query.load(conn).await?)
}

/// The chunks that may hold lines of `span`.
pub(super) fn overlapping<'a>(key: StreamKey, span: Span) -> log_chunks::BoxedQuery<'a, Pg> {
    // Stored to the microsecond, rounded down.
    let since = span.since.unwrap_or(DateTime::UNIX_EPOCH) - chrono::TimeDelta::microseconds(1);
    let mut query = log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt))
        .filter(log_chunks::first_seq.ge(span.from_seq))
        .into_boxed();
    if span.since.is_some() {
        query = query.filter(log_chunks::last_at.ge(since));
    }
    if let Some(until) = span.until {
        query = query.filter(log_chunks::first_at.lt(until));
    }
    query
}

/// Shows every line from `since` on, in the order of the stream.
pub async fn visit_since(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    since: DateTime<Utc>,
    mut visit: impl FnMut(LogLine) + Send,
) -> Result<(), StoreError> {
    let mut span = Span {
        since: Some(since),
        ..Span::default()
    };
    loop {
        let chunks = chunks(conn, key, span).await?;
        for chunk in &chunks {
            chunk.visit(|_, line| {
                if span.holds(line.at) {
                    visit(line);
                }
            })?;
        }
        match chunks.get(usize::from(FETCH) - 1) {
            Some(last) => span.from_seq = last.end(),
            None => return Ok(()),
        }
    }
}

/// The last chunk, ready to be added to, and the instant of its last line.
pub(super) async fn last_chunk(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
) -> Result<Option<(Chunk, DateTime<Utc>)>, StoreError> {
    let row: Option<ChunkRow> = log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt))
        .order(log_chunks::first_seq.desc())
        .select(ChunkRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let mut last_at = row.last_at;
    row.visit(|_, line| last_at = line.at)?;
    let chunk = Chunk {
        first_seq: row.first_seq,
        lines: row.lines,
        first_at: row.first_at,
        last_at: row.last_at,
        raw: row.raw()?,
    };
    Ok(Some((chunk, last_at)))
}
