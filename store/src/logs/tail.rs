//! The end of a stream.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::filter::Filter;
use super::reader::{ChunkRow, FETCH, overlapping};
use super::{StreamKey, stream};
use crate::StoreError;
use crate::schema::log_chunks;

/// The last lines, as far as they were looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Number of the first of them, or of the first line that was looked at.
    pub from_seq: i64,
    /// How many there are.
    pub found: usize,
    /// Whether there may be more of them before.
    pub more: bool,
}

/// Looks for the last `count` lines before line `before` that the filter lets pass. A
/// call looks at a few chunks only: who has not found enough goes on before `from_seq`.
pub async fn tail(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    before: Option<i64>,
    filter: &Filter,
    count: usize,
) -> Result<Tail, StoreError> {
    if filter.is_open() {
        let end = match before {
            Some(before) => before,
            None => stream::get(conn, key)
                .await?
                .map_or(0, |stream| stream.next_seq),
        };
        let from_seq = end.saturating_sub_unsigned(count as u64).max(0);
        return Ok(Tail {
            from_seq,
            found: usize::try_from(end - from_seq).unwrap_or_default(),
            more: false,
        });
    }
    let query =
        overlapping(key, filter).filter(log_chunks::first_seq.lt(before.unwrap_or(i64::MAX)));
    let query = query.order(log_chunks::first_seq.desc());
    let query = query.limit(i64::from(FETCH)).select(ChunkRow::as_select());
    let chunks: Vec<ChunkRow> = query.load(conn).await?;
    let mut tail = Tail {
        from_seq: 0,
        found: 0,
        more: chunks.len() == usize::from(FETCH),
    };
    for chunk in &chunks {
        let numbers = chunk.numbers(filter)?;
        let missing = count - tail.found;
        if let Some(place) = numbers.len().checked_sub(missing) {
            return Ok(Tail {
                from_seq: numbers.get(place).copied().unwrap_or(chunk.end()),
                found: count,
                more: false,
            });
        }
        tail.found += numbers.len();
        tail.from_seq = chunk.first_seq;
    }
    Ok(tail)
}

impl ChunkRow {
    /// The numbers of its lines that the filter lets pass.
    fn numbers(&self, filter: &Filter) -> Result<Vec<i64>, StoreError> {
        let mut numbers = Vec::new();
        self.visit(|seq, line| {
            if filter.passes(line.at, line.bytes) {
                numbers.push(seq);
            }
        })?;
        Ok(numbers)
    }
}
