//! A migrated database for each test, on the Postgres that `DATABASE_URL`
//! names (`make test` starts one). Made from a template that is migrated once
//! a schema version; whoever owns the server throws them away with it.

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use url::Url;
use uuid::Uuid;

use self::catalog::pg_database;
use crate::migrate::{self, MIGRATIONS};
use crate::{DatabaseConfig, DatabaseRole, DatabaseUrl, Store};

/// A database of one test's own.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    /// Its address, with the rights of the server's owner.
    pub url: String,
}

impl TestDatabase {
    /// Makes one.
    ///
    /// # Panics
    /// If no server was given, with what to do about it.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub async fn new() -> Self {
        let server = std::env::var("DATABASE_URL")
            .expect("DATABASE_URL names no Postgres; run the tests with `make test`");
        let server = Url::parse(&server).expect("DATABASE_URL is a URL");
        let mut admin = AsyncPgConnection::establish(server.as_str())
            .await
            .expect("the Postgres of DATABASE_URL answers");
        let template = prepare_template(&server, &mut admin).await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .expect("the template can be copied");
        Self {
            url: with_database(&server, &name),
        }
    }

    /// The database with a service's rights.
    ///
    /// # Panics
    /// If the pool cannot be made.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub fn store(&self, role: DatabaseRole) -> Store {
        Store::new(&self.config(), role).expect("a pool can be made")
    }

    /// Configuration of a service that uses this database.
    pub fn config(&self) -> DatabaseConfig {
        DatabaseConfig {
            url: parse(&self.url),
            allow_superuser: true,
            pool_size: 4,
            wait: std::time::Duration::from_secs(30),
        }
    }

    /// Runs statements with the rights of the owner, to bring about what no
    /// service can.
    ///
    /// # Panics
    /// If the database refuses them.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub async fn execute(&self, statements: &str) {
        let mut owner = self.owner().await;
        owner
            .batch_execute(statements)
            .await
            .expect("the statements are right");
    }

    /// How many rows a table, or something else that `FROM` takes, has.
    ///
    /// # Panics
    /// If they cannot be counted.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub async fn rows(&self, table: &str) -> i64 {
        let sql = format!("(SELECT count(*) FROM {table})");
        diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql))
            .get_result(&mut self.owner().await)
            .await
            .expect("rows can be counted")
    }

    /// Keeps everybody else from a table until what is returned is dropped.
    ///
    /// # Panics
    /// If it cannot be locked.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub async fn lock(&self, table: &str) -> AsyncPgConnection {
        let mut owner = self.owner().await;
        let sql = format!("BEGIN; LOCK TABLE {table}");
        owner.batch_execute(&sql).await.expect("it can be locked");
        owner
    }

    /// A connection with the rights of the owner, to look behind the scenes.
    ///
    /// # Panics
    /// If the database does not answer.
    #[expect(clippy::expect_used, reason = "test support: a panic is the report")]
    pub async fn owner(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.url)
            .await
            .expect("the test's database answers")
    }
}

#[expect(clippy::expect_used, reason = "test support: a panic is the report")]
async fn prepare_template(server: &Url, admin: &mut AsyncPgConnection) -> String {
    let template = format!("template_{:016x}", schema_fingerprint());
    let lock = "SELECT pg_advisory_lock(7166572)";
    admin
        .batch_execute(lock)
        .await
        .expect("the template lock can be taken");
    let found: i64 = pg_database::table
        .filter(pg_database::datname.eq(&template))
        .count()
        .get_result(admin)
        .await
        .expect("databases can be listed");
    if found == 0 {
        // Built under another name, so that a cut-off build is never used.
        let building = format!("building_{}", Uuid::new_v4().simple());
        admin
            .batch_execute(&format!("CREATE DATABASE {building}"))
            .await
            .expect("a database can be made");
        migrate::run(&parse(&with_database(server, &building)))
            .await
            .expect("the migrations run");
        admin
            .batch_execute(&format!("ALTER DATABASE {building} RENAME TO {template}"))
            .await
            .expect("the template can be named");
    }
    let unlock = "SELECT pg_advisory_unlock(7166572)";
    admin
        .batch_execute(unlock)
        .await
        .expect("the template lock can be freed");
    template
}

/// Names of all migrations: a landed one is never edited.
#[expect(clippy::expect_used, reason = "test support: a panic is the report")]
fn schema_fingerprint() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let migrations = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS)
        .expect("migrations are embedded");
    let mut hasher = DefaultHasher::new();
    for migration in migrations {
        migration.name().to_string().hash(&mut hasher);
    }
    hasher.finish()
}

#[expect(clippy::expect_used, reason = "test support: a panic is the report")]
fn parse(url: &str) -> DatabaseUrl {
    url.parse().expect("DATABASE_URL is the URL of a Postgres")
}

fn with_database(server: &Url, name: &str) -> String {
    let mut url = server.clone();
    url.set_path(name);
    url.into()
}

mod catalog {
    #![allow(missing_docs, reason = "PostgreSQL's own catalogue")]
    diesel::table! {
        pg_database (datname) {
            datname -> Text,
        }
    }
}
