//! A transaction whose work may fail with the caller's own errors.

use diesel::result::Error as QueryError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures::future::BoxFuture;

use crate::StoreError;

/// Does the work in one transaction: all of it is committed, or, if it fails,
/// nothing.
pub async fn transaction<T, E, F>(conn: &mut AsyncPgConnection, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut AsyncPgConnection) -> BoxFuture<'c, Result<T, E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    conn.transaction::<T, Abort<E>, _>(async |conn| work(conn).await.map_err(Abort::Work))
        .await
        .map_err(|abort| match abort {
            Abort::Work(error) => error,
            Abort::Transaction(error) => StoreError::from(error).into(),
        })
}

/// Why nothing was committed.
enum Abort<E> {
    Work(E),
    Transaction(QueryError),
}

impl<E> From<QueryError> for Abort<E> {
    fn from(error: QueryError) -> Self {
        Self::Transaction(error)
    }
}
