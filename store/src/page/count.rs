//! How many rows a list has.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

/// Counting with a filter stops here: it reads what it counts.
pub const COUNTED: i64 = 10_000;

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The rows, or as many of them as were counted.
    pub rows: i64,
    /// Whether all were counted.
    pub is_exact: bool,
}

impl Count {
    /// All rows.
    pub fn exact(rows: i64) -> Self {
        Self {
            rows,
            is_exact: true,
        }
    }

    /// What a [`CountOf`] of a query with [`Count::LIMIT`] found.
    pub(crate) fn up_to(found: i64) -> Self {
        Self {
            rows: found.min(COUNTED),
            is_exact: found <= COUNTED,
        }
    }

    /// Limit of a query whose rows are counted: one more tells that there are more.
    pub(crate) const LIMIT: i64 = COUNTED + 1;
}

/// The number of rows of a query with its limit, which diesel's own `count`
/// would apply to the number.
#[derive(QueryId)]
pub(crate) struct CountOf<Q>(pub(crate) Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for CountOf<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

impl<Q: Query> Query for CountOf<Q> {
    type SqlType = BigInt;
}
