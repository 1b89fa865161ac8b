//! How the database is reached: over TLS as the URL asks, and as whom.

#![expect(clippy::unwrap_used, reason = "a test's set-up may fail loudly")]

mod logins;
mod tls;

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use store::testing::TestDatabase;
use store::{DatabaseConfig, DatabaseRole, PgConnection, PooledConnection, Store, StoreError};
use url::Url;
use uuid::Uuid;

/// The database under another URL.
fn config(url: &Url) -> DatabaseConfig {
    DatabaseConfig {
        url: url.as_str().parse().unwrap(),
        pool_size: 1,
        wait: std::time::Duration::from_secs(10),
        allow_superuser: true,
    }
}

/// A connection, or all that is said of why there is none.
async fn connect(config: &DatabaseConfig) -> Result<PooledConnection, String> {
    let connecting = async {
        Store::new(config, DatabaseRole::Gateway)?
            .connection()
            .await
    };
    connecting.await.map_err(|error: StoreError| {
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            why = format!("{why}: {inner}");
            cause = inner.source();
        }
        why
    })
}

/// What the database says to a query for one text.
async fn ask(connection: &mut PgConnection, sql: &str) -> String {
    let query = diesel::select(diesel::dsl::sql::<Text>(sql));
    query.get_result(connection).await.unwrap()
}
