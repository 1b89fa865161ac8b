//! Paging: what a client may ask for, and which keys its answer links to.
//!
//! `page` counts from 1, as in 2015; the links carry a `cursor` instead, which
//! holds the key at the edge of the page, so that following them neither slows
//! down with depth nor repeats a row when new ones arrive.

mod cursor;
mod sort;
#[cfg(test)]
mod tests;

use store::page::{Page, Position, Rows};
use utoipa::openapi::Object;
use utoipa::openapi::schema::SchemaFormat;

pub use self::cursor::Key;
pub use self::sort::Sort;
use crate::openapi::types;
use crate::read::params::Params;
use crate::read::rule::Rule;

const SIZE_DEFAULT: u32 = 20;
/// Rows of a page at most.
pub const SIZE_MAX: u32 = 100;

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
        let size =
            || types::number_or_empty(1, u32::MAX, "Rows of a page, 20 if left out, 100 at most");
        let size = params.optional("page_size", Rule::text(size, whole_number));
        let size = size.unwrap_or(SIZE_DEFAULT).min(SIZE_MAX);
        let cursor = Rule::text(cursor_schema, |text| cursor::read(text, sort));
        let cursor = params.optional("cursor", cursor);
        let page =
            || types::number_or_empty(1, 10_000, "Number of the page, from 1; reaches 10,000 rows");
        let page = Rule::text(page, |text| skipped(whole_number(text)?, size));
        let skipped = params.optional("page", page);
        Self {
            position: cursor.unwrap_or(Position::Skip(skipped.unwrap_or(0))),
            sort,
            size,
        }
    }

    /// What to load.
    pub fn query(&self) -> Page<K>
    where
        K: Clone,
    {
        Page {
            position: self.position.clone(),
            direction: self.sort.direction,
            limit: i64::from(self.size),
        }
    }

    /// What [`PageRequest::query`] loaded, with the cursors of its neighbours.
    pub fn cut<T>(&self, page: Rows<T>, key: impl Fn(&T) -> K) -> Cut<T> {
        let Rows { rows, goes_on } = page;
        let (before, after) = match self.position {
            Position::Skip(skipped) => (skipped > 0, goes_on),
            Position::After(_) => (true, goes_on),
            Position::Before(_) => (goes_on, true),
        };
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

fn cursor_schema() -> Object {
    let mut schema = types::text("From the links of another page; `page` is ignored then");
    schema.format = Some(SchemaFormat::Custom("cursor".to_owned()));
    schema
}

/// A number from 1, as a parameter writes it.
pub fn whole_number(text: &str) -> Result<u32, String> {
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
