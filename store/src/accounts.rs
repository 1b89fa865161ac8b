//! `accounts` and their API `tokens`, which are kept as hashes only.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::schema::{accounts, tokens};

/// Who may use the API. Its name is also its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
pub struct Account {
    /// Number given by the database.
    pub id: i64,
    /// A DNS label of at most 58 characters.
    pub name: String,
}

/// The account of that name, made if there is none.
pub async fn ensure(conn: &mut AsyncPgConnection, name: &str) -> Result<Account, StoreError> {
    diesel::insert_into(accounts::table)
        .values(accounts::name.eq(name))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let account = accounts::table
        .filter(accounts::name.eq(name))
        .select(Account::as_select())
        .first(conn)
        .await?;
    Ok(account)
}

/// Lets the token with this SHA-256 speak for the account, for ever or until
/// it expires.
pub async fn insert_token(
    conn: &mut AsyncPgConnection,
    account: i64,
    sha256: [u8; 32],
    expires_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    diesel::insert_into(tokens::table)
        .values((
            tokens::account_id.eq(account),
            tokens::sha256.eq(sha256.as_slice()),
            tokens::expires_at.eq(expires_at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The account that the token with this SHA-256 speaks for, unless the token
/// has expired or was revoked.
pub async fn by_token(
    conn: &mut AsyncPgConnection,
    sha256: [u8; 32],
) -> Result<Option<Account>, StoreError> {
    let account = tokens::table
        .inner_join(accounts::table)
        .filter(tokens::sha256.eq(sha256.as_slice()))
        .filter(tokens::revoked_at.is_null())
        .filter(
            tokens::expires_at
                .is_null()
                .or(tokens::expires_at.gt(now.into_sql::<Nullable<Timestamptz>>())),
        )
        .select(Account::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(account)
}
