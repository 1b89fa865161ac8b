//! `tokens`: what a client shows instead of a password, kept as hashes only.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, now};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::access::{Access, MemberRole};
use crate::schema::{accounts, memberships, tokens};

/// A token to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whom it speaks for.
    pub account_id: i64,
    /// For people; need not be unique.
    pub name: String,
    /// The most it may do.
    pub scope: Access,
    /// From when on it is refused; never, if there is no such instant.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was given for a password.
    pub by_login: bool,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
}

/// What is stored of a token besides the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Number given by the database.
    pub id: i64,
    /// For people.
    pub name: String,
    /// The most it may do.
    pub scope: Access,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was given for a password.
    pub by_login: bool,
}

/// Whom a token speaks for and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Number of the account.
    pub account_id: i64,
    /// Name of the account.
    pub name: String,
    /// Number of the token.
    pub token_id: i64,
    /// The most the token may do.
    pub scope: Access,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// The namespaces in which the account has a role, by name.
    pub memberships: Vec<(String, MemberRole)>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct TokenRow {
    id: i64,
    name: String,
    scope: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    by_login: bool,
}

/// A token counts until it is revoked or expires.
#[diesel::dsl::auto_type(no_type_alias)]
fn live() -> _ {
    let time: diesel::dsl::AsExprOf<now, Nullable<Timestamptz>> =
        now.into_sql::<Nullable<Timestamptz>>();
    tokens::revoked_at
        .is_null()
        .and(tokens::expires_at.is_null().or(tokens::expires_at.gt(time)))
}

/// Lets the token with this SHA-256 speak for its account.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewToken) -> Result<Token, StoreError> {
    let row: TokenRow = diesel::insert_into(tokens::table)
        .values((
            tokens::account_id.eq(new.account_id),
            tokens::name.eq(&new.name),
            tokens::scope.eq(new.scope.as_str()),
            tokens::expires_at.eq(new.expires_at),
            tokens::by_login.eq(new.by_login),
            tokens::sha256.eq(new.sha256.as_slice()),
        ))
        .returning(TokenRow::as_returning())
        .get_result(conn)
        .await?;
    row.try_into()
}

/// The account's live tokens, newest first.
pub async fn list(conn: &mut AsyncPgConnection, account_id: i64) -> Result<Vec<Token>, StoreError> {
    let rows: Vec<TokenRow> = tokens::table
        .filter(tokens::account_id.eq(account_id))
        .filter(live())
        .order(tokens::id.desc())
        .select(TokenRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// How many live tokens the account has, those given for a password aside.
pub async fn count(conn: &mut AsyncPgConnection, account_id: i64) -> Result<i64, StoreError> {
    let count = tokens::table
        .filter(tokens::account_id.eq(account_id))
        .filter(tokens::by_login.eq(false))
        .filter(live())
        .count()
        .get_result(conn)
        .await?;
    Ok(count)
}

/// Whether a token is neither revoked nor expired.
pub async fn is_live(conn: &mut AsyncPgConnection, id: i64) -> Result<bool, StoreError> {
    let token = tokens::table.filter(tokens::id.eq(id)).filter(live());
    Ok(diesel::select(exists(token)).get_result(conn).await?)
}

/// Ends a live token of the account; `false` if it has none of that number.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    account_id: i64,
    id: i64,
) -> Result<bool, StoreError> {
    let revoked = diesel::update(tokens::table)
        .filter(tokens::id.eq(id))
        .filter(tokens::account_id.eq(account_id))
        .filter(live())
        .set(tokens::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(revoked > 0)
}

/// Ends all tokens of the account, but for one if it is named.
pub async fn revoke_all_but(
    conn: &mut AsyncPgConnection,
    account_id: i64,
    kept: Option<i64>,
) -> Result<(), StoreError> {
    diesel::update(tokens::table)
        .filter(tokens::account_id.eq(account_id))
        // No token has this number.
        .filter(tokens::id.ne(kept.unwrap_or(0)))
        .filter(tokens::revoked_at.is_null())
        .set(tokens::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the tokens given for the account's password, but for the newest.
/// Wants the account locked.
pub async fn keep_newest_logins(
    conn: &mut AsyncPgConnection,
    account_id: i64,
    kept: i64,
) -> Result<(), StoreError> {
    let older: Vec<i64> = tokens::table
        .filter(tokens::account_id.eq(account_id))
        .filter(tokens::by_login)
        .filter(tokens::revoked_at.is_null())
        .order(tokens::id.desc())
        .offset(kept)
        .select(tokens::id)
        .load(conn)
        .await?;
    if older.is_empty() {
        return Ok(());
    }
    diesel::update(tokens::table.filter(tokens::id.eq_any(older)))
        .set(tokens::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

type BearerRow = (
    (i64, String),
    (i64, String, Option<DateTime<Utc>>),
    Option<(String, String)>,
);

/// Whom the live token with this SHA-256 speaks for.
pub async fn verify(
    conn: &mut AsyncPgConnection,
    sha256: [u8; 32],
) -> Result<Option<Bearer>, StoreError> {
    let own = memberships::account_id.eq(accounts::id);
    let accepted = memberships::table.on(own.and(memberships::accepted_at.is_not_null()));
    let rows: Vec<BearerRow> = tokens::table
        .inner_join(accounts::table.left_join(accepted))
        .filter(tokens::sha256.eq(sha256.as_slice()))
        .filter(live())
        .order(memberships::namespace)
        .select((
            (accounts::id, accounts::name),
            (tokens::id, tokens::scope, tokens::expires_at),
            (memberships::namespace, memberships::role).nullable(),
        ))
        .load(conn)
        .await?;
    let Some((account, token, _)) = rows.as_slice().first() else {
        return Ok(None);
    };
    let ((account_id, name), (token_id, scope, expires_at)) = (account.clone(), token.clone());
    let memberships = rows.into_iter().filter_map(|(_, _, membership)| membership);
    Ok(Some(Bearer {
        account_id,
        name,
        token_id,
        scope: read_scope(&scope)?,
        expires_at,
        memberships: memberships
            .map(|(namespace, role)| Ok((namespace, read_role(&role)?)))
            .collect::<Result<_, StoreError>>()?,
    }))
}

impl TryFrom<TokenRow> for Token {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            scope: read_scope(&row.scope)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            by_login: row.by_login,
        })
    }
}

fn read_scope(word: &str) -> Result<Access, StoreError> {
    Access::parse(word).ok_or_else(|| StoreError::Unknown {
        what: "scope",
        value: word.to_owned(),
    })
}

pub(crate) fn read_role(word: &str) -> Result<MemberRole, StoreError> {
    MemberRole::parse(word).ok_or_else(|| StoreError::Unknown {
        what: "role",
        value: word.to_owned(),
    })
}
