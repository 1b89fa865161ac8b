//! What a page's query gives: so many rows, and no more of them than memory allows.

use std::io;

use diesel::QueryResult;
use futures::{Stream, TryStreamExt};
use serde::Serialize;

use crate::StoreError;

/// Bytes of a page's rows at most, as JSON: a hundred of the largest jobs would be
/// twenty times as much.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Some rows of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are more of them, in the direction they were asked for.
    pub goes_on: bool,
}

impl<T> Rows<T> {
    /// The same rows as something else.
    pub(crate) fn try_map<U>(
        self,
        convert: impl Fn(T) -> Result<U, StoreError>,
    ) -> Result<Rows<U>, StoreError> {
        let rows = self
            .rows
            .into_iter()
            .map(convert)
            .collect::<Result<_, _>>()?;
        Ok(Rows {
            rows,
            goes_on: self.goes_on,
        })
    }
}

/// Reads up to `limit` rows, and no further than [`BYTES_MAX`], though one at least.
pub(crate) async fn read<T>(
    rows: impl Stream<Item = QueryResult<T>>,
    limit: i64,
    bytes: impl Fn(&T) -> usize,
) -> QueryResult<Rows<T>> {
    futures::pin_mut!(rows);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut read, mut sum) = (Vec::new(), 0_usize);
    while let Some(row) = rows.try_next().await? {
        sum = sum.saturating_add(bytes(&row));
        if read.len() == limit || sum > BYTES_MAX && !read.is_empty() {
            return Ok(Rows {
                rows: read,
                goes_on: true,
            });
        }
        read.push(row);
    }
    Ok(Rows {
        rows: read,
        goes_on: false,
    })
}

/// How long a stored value is as JSON.
pub(crate) fn stored_bytes(value: &impl Serialize) -> usize {
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
    // It was read from JSON, so it has such a form.
    let _ = serde_json::to_writer(&mut length, value);
    length.0
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, stream};

    use super::*;

    fn page(sizes: &[usize], limit: i64) -> (Vec<usize>, bool) {
        let rows = stream::iter(sizes.iter().map(|size| Ok(*size)));
        let page = read(rows, limit, |size| *size).now_or_never();
        let page = page.unwrap().unwrap();
        (page.rows, page.goes_on)
    }

    #[test]
    fn a_page_ends_at_its_limit_and_says_whether_more_follow() {
        assert_eq!(page(&[1, 2, 3], 4), (vec![1, 2, 3], false));
        assert_eq!(page(&[1, 2, 3], 3), (vec![1, 2, 3], false));
        assert_eq!(page(&[1, 2, 3], 2), (vec![1, 2], true));
        assert_eq!(page(&[], 2), (vec![], false));
    }

    #[test]
    fn a_page_of_large_rows_ends_sooner_and_never_without_one() {
        let third = BYTES_MAX / 3;
        assert_eq!(page(&[third; 4], 9), (vec![third; 3], true));
        assert_eq!(page(&[9 * BYTES_MAX, 1], 9), (vec![9 * BYTES_MAX], true));
        assert_eq!(page(&[9 * BYTES_MAX], 9), (vec![9 * BYTES_MAX], false));
    }

    #[test]
    fn bytes_are_counted_as_they_are_sent() {
        for text in ["", "a\"b\\", "\u{1}\n", "é"] {
            assert_eq!(stored_bytes(&text), serde_json::to_vec(text).unwrap().len());
        }
    }
}
