//! The reading side of a stream: chunk by chunk, so that memory stays small
//! however long the log is.

use std::io;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::max;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::chunk::{self, Chunk, Frame};
use super::filter::Filter;
use super::{LeftOut, LogLine, StreamKey, stream};
use crate::StoreError;
use crate::schema::log_chunks;

/// Chunks fetched at a time: about 256 KiB of text.
pub(super) const FETCH: u8 = 4;

/// Size of a page; whichever is reached first ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// Lines at most.
    pub lines: usize,
    /// Bytes of lines after which the page ends.
    pub bytes: usize,
    /// Bytes looked at after which it ends, also without a line: what is sought may be
    /// rare.
    pub scan: usize,
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
    /// Whether there may be lines after this page already.
    pub more: bool,
    /// Bytes that were looked at.
    pub scanned: usize,
    /// What is missing before the first line from its `until_seq` on.
    pub left_out: Option<LeftOut>,
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

    /// Shows every line with its number; tells how many bytes that were.
    pub(super) fn visit(&self, mut visit: impl FnMut(i64, Frame<'_>)) -> Result<usize, StoreError> {
        let raw = self.raw()?;
        for (seq, line) in (self.first_seq..).zip(chunk::lines(&raw)) {
            visit(seq, line.map_err(|error| self.unreadable(&error))?);
        }
        Ok(raw.len())
    }
}

/// Reads a page of what the filter lets pass, from line `from_seq` on.
pub async fn read(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    from_seq: i64,
    filter: &Filter,
    limits: PageLimits,
) -> Result<LogPage, StoreError> {
    let mut page = LogPage {
        lines: Vec::new(),
        next_seq: from_seq,
        more: false,
        scanned: 0,
        left_out: None,
    };
    if page.fill(conn, key, filter, limits).await? {
        // Asked after the chunks, so it tells of all that were missing then.
        let stream = stream::get(conn, key).await?;
        let left_out = stream.and_then(|stream| stream.left_out);
        page.left_out =
            left_out.filter(|it| from_seq < it.until_seq && it.until_seq < page.next_seq);
    }
    Ok(page)
}

impl LogPage {
    /// Reads on from its `next_seq`; tells whether chunks did not follow one another.
    async fn fill(
        &mut self,
        conn: &mut AsyncPgConnection,
        key: StreamKey,
        filter: &Filter,
        limits: PageLimits,
    ) -> Result<bool, StoreError> {
        let (mut bytes, mut is_broken) = (0, false);
        let mut from = chunk_of(conn, key, self.next_seq).await?;
        loop {
            let chunks = chunks(conn, key, from, filter).await?;
            for chunk in &chunks {
                self.more |= self.scanned >= limits.scan;
                if self.more {
                    return Ok(is_broken);
                }
                is_broken |= chunk.first_seq != from;
                from = chunk.end();
                self.scanned += chunk.visit(|seq, line| {
                    if seq < self.next_seq || self.more {
                        return;
                    }
                    if self.lines.len() >= limits.lines || bytes >= limits.bytes {
                        self.more = true;
                        return;
                    }
                    self.next_seq = seq + 1;
                    if filter.passes(line.at, line.bytes) {
                        bytes += line.bytes.len();
                        let line = line.to_line();
                        self.lines.push(SequencedLine { seq, line });
                    }
                })?;
            }
            if self.more || chunks.len() < usize::from(FETCH) {
                return Ok(is_broken);
            }
        }
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

/// The next few chunks that may hold lines the filter lets pass.
async fn chunks(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    from_seq: i64,
    filter: &Filter,
) -> Result<Vec<ChunkRow>, StoreError> {
    let query = overlapping(key, filter).filter(log_chunks::first_seq.ge(from_seq));
    let query = query.order(log_chunks::first_seq).limit(i64::from(FETCH));
    Ok(query.select(ChunkRow::as_select()).load(conn).await?)
}

/// The chunks that may hold lines of the filter's times.
pub(super) fn overlapping<'a>(key: StreamKey, filter: &Filter) -> log_chunks::BoxedQuery<'a, Pg> {
    let mut query = log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt))
        .into_boxed();
    if let Some(since) = filter.since {
        // Stored to the microsecond, rounded down.
        query = query.filter(log_chunks::last_at.ge(since - TimeDelta::microseconds(1)));
    }
    if let Some(until) = filter.until {
        query = query.filter(log_chunks::first_at.lt(until));
    }
    query
}

/// Shows every line from `since` on with its number, in the order of the stream.
pub async fn visit_since(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    since: DateTime<Utc>,
    mut visit: impl FnMut(i64, LogLine) + Send,
) -> Result<(), StoreError> {
    let filter = Filter {
        since: Some(since),
        ..Filter::default()
    };
    let mut from = 0;
    loop {
        let chunks = chunks(conn, key, from, &filter).await?;
        for chunk in &chunks {
            chunk.visit(|seq, line| {
                if line.at >= since {
                    visit(seq, line.to_line());
                }
            })?;
        }
        match chunks.get(usize::from(FETCH) - 1) {
            Some(last) => from = last.end(),
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
