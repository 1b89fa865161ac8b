//! Paging: what a client may ask for, and which keys its answer links to.
//!
//! A list is newest first. `page` counts from 1, as in 2015; the links carry a
//! `cursor` instead, which holds the key at the edge of the page, so that
//! following them neither slows down with depth nor repeats a row when new
//! ones arrive.

use shared_types::{ExecId, JobId};
use store::page::{Page, Position};

use crate::fields::FieldError;

const SIZE_DEFAULT: u32 = 20;
const SIZE_MAX: u32 = 100;

/// A column that orders a list.
pub trait Key: Copy {
    /// Its text in a cursor.
    fn write(self) -> String;
    /// Reads what [`Key::write`] wrote.
    fn read(text: &str) -> Option<Self>;
}

impl Key for JobId {
    fn write(self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Key for ExecId {
    fn write(self) -> String {
        self.0.simple().to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A page as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<K> {
    position: Position<K>,
    size: u32,
}

impl<K: Key> PageRequest<K> {
    /// Reads `page`, `page_size` and `cursor`. A page size above the limit is
    /// answered with the limit; a cursor wins over a page.
    pub fn parse<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut number = |name: &str, default: u32| match get(name).map(str::parse) {
            None => default,
            Some(Ok(number)) if number > 0 => number,
            Some(_) => {
                errors.push(FieldError::new(name, "must be a whole number from 1"));
                default
            }
        };
        let size = number("page_size", SIZE_DEFAULT).min(SIZE_MAX);
        let skipped = i64::from(number("page", 1) - 1) * i64::from(size);
        let position = match get("cursor") {
            None => Position::Skip(skipped),
            Some(cursor) => read_cursor(cursor).unwrap_or_else(|| {
                errors.push(FieldError::new("cursor", "is not one of this list's links"));
                Position::Skip(0)
            }),
        };
        if errors.is_empty() {
            Ok(Self { position, size })
        } else {
            Err(errors)
        }
    }

    /// What to load: one row more than fits, which tells whether the list goes on.
    pub fn query(&self) -> Page<K> {
        Page {
            position: self.position,
            limit: i64::from(self.size) + 1,
        }
    }

    /// Cuts what [`PageRequest::query`] loaded to the page.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Cut<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let goes_on = rows.len() > size;
        let (newer, older) = match self.position {
            Position::Skip(rows) => (rows > 0, goes_on),
            Position::OlderThan(_) => (true, goes_on),
            Position::NewerThan(_) => (goes_on, true),
        };
        if let (Position::NewerThan(_), true) = (self.position, goes_on) {
            rows.remove(0);
        }
        rows.truncate(size);
        let link = |there: bool, row: Option<&T>, word: &str| {
            row.filter(|_| there)
                .map(|row| format!("{word}-{}", key(row).write()))
        };
        Cut {
            previous: link(newer, rows.first(), "newer"),
            next: link(older, rows.last(), "older"),
            size: self.size,
            rows,
        }
    }
}

fn read_cursor<K: Key>(text: &str) -> Option<Position<K>> {
    let (word, key) = text.split_once('-')?;
    let key = K::read(key)?;
    match word {
        "newer" => Some(Position::NewerThan(key)),
        "older" => Some(Position::OlderThan(key)),
        _ => None,
    }
}

/// A page of rows with the cursors of its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// Cursor of the next newer page.
    pub previous: Option<String>,
    /// Cursor of the next older page.
    pub next: Option<String>,
    /// Rows of a full page.
    pub size: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<PageRequest<JobId>, Vec<FieldError>> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        PageRequest::parse(|name| query.get(name).copied())
    }

    /// What the store would load of a list with the keys 1 to `count`.
    fn load(count: i64, page: Page<JobId>) -> Vec<JobId> {
        let newest_first = (1..=count).rev().map(JobId);
        let limit = usize::try_from(page.limit).unwrap();
        match page.position {
            Position::Skip(n) => newest_first
                .skip(usize::try_from(n).unwrap())
                .take(limit)
                .collect(),
            Position::OlderThan(key) => newest_first.filter(|id| *id < key).take(limit).collect(),
            Position::NewerThan(key) => {
                let mut rows: Vec<_> = (1..=count)
                    .map(JobId)
                    .filter(|id| *id > key)
                    .take(limit)
                    .collect();
                rows.reverse();
                rows
            }
        }
    }

    fn cut(count: i64, query: &[(&str, &str)]) -> Cut<JobId> {
        let request = parse(query).unwrap();
        request.cut(load(count, request.query()), |id| *id)
    }

    #[test]
    fn defaults_and_limits() {
        assert_eq!(
            parse(&[]).unwrap().query(),
            Page {
                position: Position::Skip(0),
                limit: 21
            }
        );
        let request = parse(&[("page", "3"), ("page_size", "500")]).unwrap();
        assert_eq!(
            request.query(),
            Page {
                position: Position::Skip(200),
                limit: 101
            }
        );
        let bad = [("page", "0"), ("page_size", "x"), ("cursor", "sideways-3")];
        assert_eq!(parse(&bad).unwrap_err().len(), 3);
    }

    #[test]
    fn a_page_past_the_end_is_empty() {
        let page = cut(3, &[("page", "9")]);
        assert_eq!((page.rows, page.previous, page.next), (vec![], None, None));
    }

    proptest! {
        #[test]
        fn links_walk_the_whole_list_and_back(count in 0_i64..120, size in 1_u32..30) {
            let size = size.to_string();
            let mut pages = vec![cut(count, &[("page_size", &size)])];
            while let Some(next) = pages.last().unwrap().next.clone() {
                pages.push(cut(count, &[("page_size", &size), ("cursor", &next)]));
            }
            let walked: Vec<_> = pages.iter().flat_map(|page| page.rows.clone()).collect();
            prop_assert_eq!(walked, (1..=count).rev().map(JobId).collect::<Vec<_>>());
            for (newer, page) in pages.iter().zip(pages.iter().skip(1)).rev() {
                let previous = page.previous.clone().unwrap();
                let back = cut(count, &[("page_size", &size), ("cursor", &previous)]);
                prop_assert_eq!(&back.rows, &newer.rows);
                prop_assert_eq!(back.next.is_some(), true);
            }
            prop_assert_eq!(&pages[0].previous, &None);
        }

        #[test]
        fn any_query_is_read_or_refused(page in ".{0,12}", size in ".{0,12}", cursor in ".{0,40}") {
            let _ = parse(&[("page", &page), ("page_size", &size), ("cursor", &cursor)]);
        }

        #[test]
        fn cursors_read_back(bits: u128) {
            let id = ExecId(uuid::Uuid::from_u128(bits));
            let cursor = format!("older-{}", id.write());
            prop_assert_eq!(read_cursor(&cursor), Some(Position::OlderThan(id)));
        }
    }
}
