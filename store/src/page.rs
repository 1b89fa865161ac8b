//! Which rows of a list. A list is walked by key, so that its hundredth page
//! costs what its first one does.

mod count;
mod row;
mod rows;

pub(crate) use count::CountOf;
pub use count::{COUNTED, Count};
pub(crate) use row::RowComparison;
pub use rows::{BYTES_MAX, Rows};
pub(crate) use rows::{read, stored_bytes};

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

/// Orders, limits and cuts a boxed query by its key, one column or two;
/// evaluates to the [`Rows`]. `$bytes` tells how large a row is, where rows may be
/// large. A macro because diesel's types for "any query over any table" are longer
/// than what they would save.
macro_rules! load_page {
    ($query:expr, $key:tt, $page:expr, $conn:expr) => {
        $crate::page::load_page!($query, $key, $page, $conn, |_| 0)
    };
    ($query:expr, ($first:expr, $second:expr), $page:expr, $conn:expr, $bytes:expr) => {{
        use $crate::page::RowComparison as Row;
        $crate::page::load_page!(@ $query, $page, $conn, $bytes, key,
            Row::less(($first, $second), (key.0, key.1.0)),
            Row::greater(($first, $second), (key.0, key.1.0)),
            ($first.asc(), $second.asc()),
            ($first.desc(), $second.desc()))
    }};
    ($query:expr, ($column:expr), $page:expr, $conn:expr, $bytes:expr) => {
        $crate::page::load_page!(@ $query, $page, $conn, $bytes, key,
            $column.lt(key.0), $column.gt(key.0), $column.asc(), $column.desc())
    };
    (@ $query:expr, $page:expr, $conn:expr, $bytes:expr, $key:ident,
     $less:expr, $greater:expr, $ascending:expr, $descending:expr) => {{
        use $crate::page::Position;
        let (ascending, backward) = ($page.is_ascending(), $page.is_backward());
        let query = $query.limit($page.limit + 1);
        let query = match $page.position {
            Position::Skip(rows) => query.offset(rows),
            Position::After($key) | Position::Before($key) if ascending => query.filter($greater),
            Position::After($key) | Position::Before($key) => query.filter($less),
        };
        let query = if ascending {
            query.order($ascending)
        } else {
            query.order($descending)
        };
        let read = async {
            let rows = query.load_stream($conn).await?;
            $crate::page::read(rows, $page.limit, $bytes).await
        };
        read.await.map(|mut page| {
            if backward {
                page.rows.reverse();
            }
            page
        })
    }};
}
pub(crate) use load_page;
