//! Paging: what a client may ask for, and which keys its answer links to.
//!
//! `page` counts from 1, as in 2015; the links carry a `cursor` instead, which
//! holds the key at the edge of the page, so that following them neither slows
//! down with depth nor repeats a row when new ones arrive.

mod cursor;
mod sort;
#[cfg(test)]
mod tests;

use std::io;

use serde::Serialize;
use store::page::{Page, Position};

pub use self::cursor::Key;
pub use self::sort::Sort;
use crate::params::Params;

const SIZE_DEFAULT: u32 = 20;
const SIZE_MAX: u32 = 100;

/// Bytes of a page's rows at most, as JSON: a hundred of the largest jobs would be
/// twenty times as much.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many rows `page` may skip. Skipping costs what it skips, so without a
/// bound one request could make the database read millions of rows; a person
/// turns fewer pages than this, and a program follows the links.
const SKIP_MAX: i64 = 10_000;

/// A page as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    position: Position<K>,
    sort: Sort,
    size: u32,
}

impl<K: Key> PageRequest<K> {
    /// Reads `page`, `page_size` and `cursor`. A page size above the limit is
    /// answered with the limit; a cursor wins over a page.
    pub fn read(params: &mut Params<'_>, sort: Sort) -> Self {
        let size = params.optional("page_size", whole_number);
        let size = size.unwrap_or(SIZE_DEFAULT).min(SIZE_MAX);
        let cursor = params.optional("cursor", |text| cursor::read(text, sort));
        let skipped = params.optional("page", |text| skipped(whole_number(text)?, size));
        Self {
            position: cursor.unwrap_or(Position::Skip(skipped.unwrap_or(0))),
            sort,
            size,
        }
    }

    /// What to load: one row more than fits, which tells whether the list goes on.
    pub fn query(&self) -> Page<K>
    where
        K: Clone,
    {
        Page {
            position: self.position.clone(),
            direction: self.sort.direction,
            limit: i64::from(self.size) + 1,
        }
    }

    /// Cuts what [`PageRequest::query`] loaded to the page.
    pub fn cut<T>(&self, rows: Vec<T>, key: impl Fn(&T) -> K) -> Cut<T> {
        self.cut_large(rows, key, |_| 0)
    }

    /// The same where rows may be large: at [`BYTES_MAX`], though never without a row.
    pub fn cut_large<T>(
        &self,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> K,
        bytes: impl Fn(&T) -> usize,
    ) -> Cut<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let fit = match self.position {
            Position::Before(_) => fit(rows.iter().rev().map(bytes)),
            _ => fit(rows.iter().map(bytes)),
        };
        let size = size.min(fit);
        let goes_on = rows.len() > size;
        let (before, after) = match self.position {
            Position::Skip(rows) => (rows > 0, goes_on),
            Position::After(_) => (true, goes_on),
            Position::Before(_) => (goes_on, true),
        };
        if let (Position::Before(_), true) = (&self.position, goes_on) {
            rows.drain(..rows.len() - size);
        }
        rows.truncate(size);
        let link = |there: bool, row: Option<&T>, position: fn(K) -> Position<K>| {
            row.filter(|_| there)
                .and_then(|row| cursor::write(position(key(row)), self.sort))
        };
        Cut {
            previous: link(before, rows.first(), Position::Before),
            next: link(after, rows.last(), Position::After),
            rows,
        }
    }
}

/// How many of these, in their order, fit on a page.
fn fit(bytes: impl Iterator<Item = usize>) -> usize {
    let sums = bytes.scan(0_usize, |sum, bytes| {
        *sum = sum.saturating_add(bytes);
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= BYTES_MAX).count().max(1)
}

/// How long a value is as JSON.
pub fn json_bytes(value: &impl Serialize) -> usize {
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    // What has no JSON form fails when it is answered, and says so there.
    let _ = serde_json::to_writer(&mut length, value);
    length.0
}

fn whole_number(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "must be a whole number from 1".to_owned())
}

fn skipped(page: u32, size: u32) -> Result<i64, String> {
    let rows = i64::from(page - 1) * i64::from(size);
    if rows < SKIP_MAX {
        return Ok(rows);
    }
    Err(format!(
        "reaches the first {SKIP_MAX} rows only; follow \"next\" to read on, or narrow the list by a filter"
    ))
}

/// A page of rows with the cursors of its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut<T> {
    /// The rows in the list's order.
    pub rows: Vec<T>,
    /// Cursor of the page before.
    pub previous: Option<String>,
    /// Cursor of the page after.
    pub next: Option<String>,
}
