//! Which rows of a list. A list is walked by key, so that its hundredth page
//! costs what its first one does.

mod count;
mod row;
mod rows;

pub(crate) use count::CountOf;
pub use count::{COUNTED, Count};
pub(crate) use row::RowComparison;
pub(crate) use rows::fitting;
pub use rows::{BYTES_MAX, Rows};

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The lowest key.
    Ascending,
    /// The highest key: the newest row, where the key is a time or a number.
    Descending,
}

/// Where in a list a page lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position<K> {
    /// After this many of the first rows; costs as much as it skips.
    Skip(i64),
    /// The rows that follow this one.
    After(K),
    /// The rows that lead up to this one.
    Before(K),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// Where it lies.
    pub position: Position<K>,
    /// Which way the list runs.
    pub direction: Direction,
    /// How many rows at most; large ones may be fewer ([`BYTES_MAX`]).
    pub limit: i64,
}

impl<K> Page<K> {
    /// The first rows, highest key first.
    pub fn newest(limit: i64) -> Self {
        Self {
            position: Position::Skip(0),
            direction: Direction::Descending,
            limit,
        }
    }

    /// Whether the rows are found against the list's own direction.
    pub(crate) fn is_backward(&self) -> bool {
        matches!(self.position, Position::Before(_))
    }

    /// Whether the rows are found from low keys to high ones.
    pub(crate) fn is_ascending(&self) -> bool {
        (self.direction == Direction::Ascending) != self.is_backward()
    }
}

/// Orders a boxed query by its key, one column or two, from where the page begins. A
/// macro because diesel's types for "any query over any table" are longer than what they
/// would save.
macro_rules! ordered {
    ($query:expr, ($first:expr, $second:expr), $page:expr) => {{
        use $crate::page::RowComparison as Row;
        $crate::page::ordered!(@ $query, $page, key,
            Row::less(($first, $second), (key.0.clone(), key.1.0)),
            Row::greater(($first, $second), (key.0.clone(), key.1.0)),
            ($first.asc(), $second.asc()),
            ($first.desc(), $second.desc()))
    }};
    ($query:expr, ($column:expr), $page:expr) => {
        $crate::page::ordered!(@ $query, $page, key,
            $column.lt(key.0), $column.gt(key.0), $column.asc(), $column.desc())
    };
    (@ $query:expr, $page:expr, $key:ident,
     $less:expr, $greater:expr, $ascending:expr, $descending:expr) => {{
        use $crate::page::Position;
        let is_ascending = $page.is_ascending();
        let query = match &$page.position {
            Position::Skip(rows) => $query.offset(*rows),
            Position::After($key) | Position::Before($key) if is_ascending => {
                $query.filter($greater)
            }
            Position::After($key) | Position::Before($key) => $query.filter($less),
        };
        if is_ascending {
            query.order($ascending)
        } else {
            query.order($descending)
        }
    }};
}
pub(crate) use ordered;

/// Loads these columns of the rows of a page as [`Rows`]. `$size` is a column with the
/// bytes of a row, where rows may be large: the sizes are read first, because a database
/// sends all rows of a query, whether they are read or not.
macro_rules! load_page {
    ($query:expr, $columns:expr, $key:tt, $page:expr, $conn:expr) => {{
        let page = $page;
        let rows = $crate::page::ordered!($query, $key, page)
            .select($columns)
            .limit(page.limit + 1);
        let rows = rows.load($conn).await;
        rows.map(|rows| $crate::page::Rows::cut(rows, &page))
    }};
    ($query:expr, $columns:expr, $key:tt, $page:expr, $conn:expr, $size:expr) => {{
        let page = $page;
        let sizes = $crate::page::ordered!($query, $key, page)
            .select($size)
            .limit(page.limit + 1);
        let sizes: Vec<i32> = sizes.load($conn).await?;
        let (fitting, goes_on) = $crate::page::fitting(&sizes, page.limit);
        let rows = $crate::page::ordered!($query, $key, page)
            .select($columns)
            .limit(fitting);
        let rows = rows.load($conn).await;
        rows.map(|rows| $crate::page::Rows::of(rows, goes_on, &page))
    }};
}
pub(crate) use load_page;
