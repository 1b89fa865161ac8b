//! What a page's query gives: so many rows, and no more of them than memory allows.

use super::Page;
use crate::StoreError;

/// Bytes of a page's rows at most, as JSON: a hundred of the largest jobs would be
/// twenty times as much.
pub const BYTES_MAX: i64 = 4 * 1024 * 1024;

/// Some rows of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are more of them, in the direction they were asked for.
    pub goes_on: bool,
}

impl<T> Rows<T> {
    /// What a query gave for a page, which was asked for one row more.
    pub(crate) fn cut<K>(mut rows: Vec<T>, page: &Page<K>) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        Self::of(rows, goes_on, page)
    }

    /// What a query gave for a page.
    pub(crate) fn of<K>(mut rows: Vec<T>, goes_on: bool, page: &Page<K>) -> Self {
        if page.is_backward() {
            rows.reverse();
        }
        Self { rows, goes_on }
    }

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

/// How many rows of these sizes a page has: up to `limit`, and not more than
/// [`BYTES_MAX`] in all, though one at least. And whether others follow.
pub(crate) fn fitting(sizes: &[i32], limit: i64) -> (i64, bool) {
    let mut sum = 0_i64;
    let mut fits = |size: &i32| {
        let is_first = sum == 0;
        sum += i64::from(*size).max(1);
        is_first || sum <= BYTES_MAX
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let fitting = sizes.iter().take(limit).take_while(|size| fits(size));
    let fitting = fitting.count();
    (
        i64::try_from(fitting).unwrap_or(i64::MAX),
        sizes.len() > fitting,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_limit_and_says_whether_more_follow() {
        assert_eq!(fitting(&[1, 2, 3], 4), (3, false));
        assert_eq!(fitting(&[1, 2, 3], 3), (3, false));
        assert_eq!(fitting(&[1, 2, 3], 2), (2, true));
        assert_eq!(fitting(&[], 2), (0, false));
    }

    #[test]
    fn a_page_of_large_rows_ends_sooner_and_never_without_one() {
        let whole = i32::try_from(BYTES_MAX).unwrap();
        assert_eq!(fitting(&[whole / 3; 4], 9), (3, true));
        assert_eq!(fitting(&[whole, 1], 9), (1, true));
        assert_eq!(fitting(&[i32::MAX], 9), (1, false));
        assert_eq!(fitting(&[whole - 1, 1, 1], 9), (2, true));
    }
}
