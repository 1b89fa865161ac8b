//! The end of a stream.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::reader::{ChunkRow, FETCH, Span, overlapping};
use super::{StreamKey, stream};
use crate::StoreError;
use crate::schema::log_chunks;

/// Where the last `count` lines of `span` begin, and how many there are: fewer where it has
/// no more.
pub async fn tail(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    span: Span,
    count: usize,
) -> Result<(i64, usize), StoreError> {
    if span.since.is_none() && span.until.is_none() {
        let end = stream::get(conn, key)
            .await?
            .map_or(0, |stream| stream.next_seq);
        let from = end.saturating_sub_unsigned(count as u64).max(span.from_seq);
        return Ok((from, usize::try_from(end - from).unwrap_or_default()));
    }
    let (mut found, mut before) = (0, i64::MAX);
    loop {
        let query = overlapping(key, span).filter(log_chunks::first_seq.lt(before));
        let query = query.order(log_chunks::first_seq.desc());
        let query = query.limit(i64::from(FETCH)).select(ChunkRow::as_select());
        let chunks: Vec<ChunkRow> = query.load(conn).await?;
        for chunk in &chunks {
            let numbers = chunk.numbers(span)?;
            let missing = count - found;
            if let Some(place) = numbers.len().checked_sub(missing) {
                let from = numbers.get(place).copied();
                return Ok((from.unwrap_or(chunk.end()), count));
            }
            found += numbers.len();
        }
        match chunks.get(usize::from(FETCH) - 1) {
            Some(earliest) => before = earliest.first_seq,
            None => return Ok((span.from_seq, found)),
        }
    }
}

impl ChunkRow {
    /// The numbers of its lines in `span`.
    fn numbers(&self, span: Span) -> Result<Vec<i64>, StoreError> {
        let mut numbers = Vec::new();
        self.visit(|seq, line| {
            if span.holds(line.at) {
                numbers.push(seq);
            }
        })?;
        Ok(numbers)
    }
}
