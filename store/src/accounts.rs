//! `accounts`: users, who have passwords, and organisations. Each owns the
//! namespace of its name.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};

use crate::StoreError;
use crate::access::MemberRole;
use crate::schema::{accounts, memberships};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// A person or a program: has tokens and perhaps a password.
    User,
    /// A namespace that users share.
    Organisation,
}

impl AccountKind {
    /// The word in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organisation => "organisation",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Organisation]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// A user or an organisation. Its name is also its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Number given by the database.
    pub id: i64,
    /// A DNS label of at most 58 characters.
    pub name: String,
    /// What it is.
    pub kind: AccountKind,
    /// A person's name, as given.
    pub real_name: Option<String>,
    /// Where to write to, as given.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// A DNS label of at most 58 characters.
    pub name: String,
    /// What it is to be.
    pub kind: AccountKind,
    /// A person's name.
    pub real_name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// An argon2id PHC string; users only.
    pub password_hash: Option<SecretString>,
}

impl NewAccount {
    /// An account of which only the name is known.
    #[must_use]
    pub fn named(name: &str, kind: AccountKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            real_name: None,
            email: None,
            password_hash: None,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct AccountRow {
    id: i64,
    name: String,
    kind: String,
    real_name: Option<String>,
    email: Option<String>,
    created_at: DateTime<Utc>,
}

/// Makes the account and the first admin of its namespace: the owner, or a
/// user itself. `None` if the name is taken. Must run in a transaction.
pub async fn create(
    conn: &mut AsyncPgConnection,
    new: &NewAccount,
    owner: Option<i64>,
) -> Result<Option<Account>, StoreError> {
    let hash = new.password_hash.as_ref().map(ExposeSecret::expose_secret);
    let row: Option<AccountRow> = diesel::insert_into(accounts::table)
        .values((
            accounts::name.eq(&new.name),
            accounts::kind.eq(new.kind.as_str()),
            accounts::real_name.eq(&new.real_name),
            accounts::email.eq(&new.email),
            accounts::password_hash.eq(hash),
        ))
        .on_conflict_do_nothing()
        .returning(AccountRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    diesel::insert_into(memberships::table)
        .values((
            memberships::namespace.eq(&row.name),
            memberships::account_id.eq(owner.unwrap_or(row.id)),
            memberships::role.eq(MemberRole::Admin.as_str()),
        ))
        .execute(conn)
        .await?;
    row.try_into().map(Some)
}

/// The account of that name.
pub async fn by_name(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<Account>, StoreError> {
    let row: Option<AccountRow> = accounts::table
        .filter(accounts::name.eq(name))
        .select(AccountRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Account::try_from).transpose()
}

/// The account of that name with the hash of its password, if it has one.
pub async fn credentials(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<(Account, Option<SecretString>)>, StoreError> {
    let row: Option<(AccountRow, Option<String>)> = accounts::table
        .filter(accounts::name.eq(name))
        .select((AccountRow::as_select(), accounts::password_hash))
        .first(conn)
        .await
        .optional()?;
    row.map(|(row, hash)| Ok((row.try_into()?, hash.map(SecretString::from))))
        .transpose()
}

/// Replaces the password of a user.
pub async fn set_password(
    conn: &mut AsyncPgConnection,
    account_id: i64,
    hash: &SecretString,
) -> Result<(), StoreError> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::password_hash.eq(hash.expose_secret()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Holds the account until the transaction ends, so that what is counted
/// before a change of its tokens or members is still true after it.
pub async fn lock(conn: &mut AsyncPgConnection, name: &str) -> Result<Option<Account>, StoreError> {
    let row: Option<AccountRow> = accounts::table
        .filter(accounts::name.eq(name))
        .select(AccountRow::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    row.map(Account::try_from).transpose()
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let kind = AccountKind::parse(&row.kind).ok_or(StoreError::Unknown {
            what: "kind of account",
            value: row.kind,
        })?;
        Ok(Self {
            id: row.id,
            name: row.name,
            kind,
            real_name: row.real_name,
            email: row.email,
            created_at: row.created_at,
        })
    }
}
