//! `(a, b) < (x, y)`, which diesel has no words for. Written as one comparison
//! of rows, because only that lets Postgres begin at the key in an index over
//! both columns; `a <= x AND (a < x OR b < y)` reads all rows equal in `a`.

use diesel::expression::{
    AppearsOnTable, AsExpression, Expression, ValidGrouping, is_aggregate::No,
};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, SingleValue, SqlType};

/// Compares two columns with two values.
pub(crate) struct RowComparison<C, V> {
    columns: C,
    operator: &'static str,
    values: V,
}

type Value<V, Column> = <V as AsExpression<<Column as Expression>::SqlType>>::Expression;
type Bound<A, B, X, Y> = RowComparison<(A, B), (Value<X, A>, Value<Y, B>)>;

impl<A, B> RowComparison<(A, B), ()>
where
    A: Expression<SqlType: SqlType + SingleValue>,
    B: Expression<SqlType: SqlType + SingleValue>,
{
    /// Rows below the values.
    pub(crate) fn less<X, Y>(columns: (A, B), values: (X, Y)) -> Bound<A, B, X, Y>
    where
        X: AsExpression<A::SqlType>,
        Y: AsExpression<B::SqlType>,
    {
        Self::new(columns, ") < (", values)
    }

    /// Rows above the values.
    pub(crate) fn greater<X, Y>(columns: (A, B), values: (X, Y)) -> Bound<A, B, X, Y>
    where
        X: AsExpression<A::SqlType>,
        Y: AsExpression<B::SqlType>,
    {
        Self::new(columns, ") > (", values)
    }

    fn new<X, Y>(columns: (A, B), operator: &'static str, (x, y): (X, Y)) -> Bound<A, B, X, Y>
    where
        X: AsExpression<A::SqlType>,
        Y: AsExpression<B::SqlType>,
    {
        RowComparison {
            columns,
            operator,
            values: (x.as_expression(), y.as_expression()),
        }
    }
}

impl<C, V> QueryFragment<Pg> for RowComparison<C, V>
where
    C: QueryFragment<Pg>,
    V: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(self.operator);
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C, V> Expression for RowComparison<C, V> {
    type SqlType = Bool;
}

impl<C, V> ValidGrouping<()> for RowComparison<C, V> {
    type IsAggregate = No;
}

impl<C, V, From> AppearsOnTable<From> for RowComparison<C, V>
where
    C: AppearsOnTable<From>,
    V: AppearsOnTable<From>,
{
}
