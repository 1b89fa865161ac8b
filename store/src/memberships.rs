//! `memberships`: who may do what in a namespace.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::access::MemberRole;
use crate::accounts::{self, AccountKind};
use crate::schema::{accounts as account_rows, memberships};
use crate::tokens::read_role;

/// A user's part in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Number of the user's account.
    pub account_id: i64,
    /// The user's name.
    pub name: String,
    /// What they may do.
    pub role: MemberRole,
    /// Since when they have been a member.
    pub created_at: DateTime<Utc>,
}

/// What became of a wish to change a namespace's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is as wished.
    Done,
    /// There is no such namespace, or no such member of it.
    NotFound,
    /// Nobody would be left who may admit members.
    LastAdmin,
    /// The namespace is the user's own.
    Owner,
}

/// The members of a namespace, by name.
pub async fn list(
    conn: &mut AsyncPgConnection,
    namespace: &str,
) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<(i64, String, String, DateTime<Utc>)> = memberships::table
        .inner_join(account_rows::table)
        .filter(memberships::namespace.eq(namespace))
        .order(account_rows::name)
        .select((
            account_rows::id,
            account_rows::name,
            memberships::role,
            memberships::created_at,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(account_id, name, role, created_at)| {
            Ok(Member {
                account_id,
                name,
                role: read_role(&role)?,
                created_at,
            })
        })
        .collect()
}

/// The namespaces in which the account has a role, by name.
pub async fn of_account(
    conn: &mut AsyncPgConnection,
    account_id: i64,
) -> Result<Vec<(String, MemberRole)>, StoreError> {
    let rows: Vec<(String, String)> = memberships::table
        .filter(memberships::account_id.eq(account_id))
        .order(memberships::namespace)
        .select((memberships::namespace, memberships::role))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(namespace, role)| Ok((namespace, read_role(&role)?)))
        .collect()
}

/// Gives the account this role in the namespace. Wants a transaction.
pub async fn set(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    account_id: i64,
    role: MemberRole,
) -> Result<Change, StoreError> {
    let Some(owner) = accounts::lock(conn, namespace).await? else {
        return Ok(Change::NotFound);
    };
    if role != MemberRole::Admin {
        if owner.kind == AccountKind::User && owner.id == account_id {
            return Ok(Change::Owner);
        }
        if is_last_admin(conn, namespace, account_id).await? {
            return Ok(Change::LastAdmin);
        }
    }
    diesel::insert_into(memberships::table)
        .values((
            memberships::namespace.eq(namespace),
            memberships::account_id.eq(account_id),
            memberships::role.eq(role.as_str()),
        ))
        .on_conflict((memberships::namespace, memberships::account_id))
        .do_update()
        .set(memberships::role.eq(role.as_str()))
        .execute(conn)
        .await?;
    Ok(Change::Done)
}

/// Takes the account's role in the namespace away. Wants a transaction.
pub async fn remove(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    account_id: i64,
) -> Result<Change, StoreError> {
    let Some(owner) = accounts::lock(conn, namespace).await? else {
        return Ok(Change::NotFound);
    };
    if owner.kind == AccountKind::User && owner.id == account_id {
        return Ok(Change::Owner);
    }
    if is_last_admin(conn, namespace, account_id).await? {
        return Ok(Change::LastAdmin);
    }
    let removed = diesel::delete(memberships::table.find((namespace, account_id)))
        .execute(conn)
        .await?;
    Ok(if removed > 0 {
        Change::Done
    } else {
        Change::NotFound
    })
}

/// Whether the namespace has this admin and no other.
async fn is_last_admin(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    account_id: i64,
) -> Result<bool, StoreError> {
    let admins: Vec<i64> = memberships::table
        .filter(memberships::namespace.eq(namespace))
        .filter(memberships::role.eq(MemberRole::Admin.as_str()))
        .order(memberships::account_id.eq(account_id))
        .limit(2)
        .select(memberships::account_id)
        .load(conn)
        .await?;
    Ok(admins == [account_id])
}
