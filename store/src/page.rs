//! Which rows of a list, newest first. A list is walked by key, so that its
//! hundredth page costs what its first one does.

/// Where in a list a page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position<K> {
    /// After this many of the newest rows; costs as much as it skips.
    Skip(i64),
    /// The rows next older than this one.
    OlderThan(K),
    /// The rows next newer than this one.
    NewerThan(K),
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<K> {
    /// Where it lies.
    pub position: Position<K>,
    /// How many rows at most.
    pub limit: i64,
}

/// Orders, limits and cuts a boxed query by its key column; evaluates to the
/// rows, newest first. A macro because diesel's types for "any query over any
/// table" are longer than what they would save.
macro_rules! load_page {
    ($query:expr, $key:expr, $page:expr, $conn:expr) => {{
        use $crate::page::Position;
        let query = $query.limit($page.limit);
        let query = match $page.position {
            Position::Skip(rows) => query.order($key.desc()).offset(rows),
            Position::OlderThan(key) => query.filter($key.lt(key.0)).order($key.desc()),
            Position::NewerThan(key) => query.filter($key.gt(key.0)).order($key.asc()),
        };
        let rows = query.load($conn).await;
        rows.map(|mut rows: Vec<_>| {
            if let Position::NewerThan(_) = $page.position {
                rows.reverse();
            }
            rows
        })
    }};
}
pub(crate) use load_page;
