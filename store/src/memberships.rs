//! `memberships`: who may do what in a namespace.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
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
    /// When the role was given.
    pub created_at: DateTime<Utc>,
    /// Whether the user has agreed to it. Before, it is an invitation and no right.
    pub is_accepted: bool,
}

/// Invitations that may wait for one user.
pub const INVITATIONS_MAX: i64 = 100;
/// Members and invitations of one namespace.
pub const MEMBERS_MAX: i64 = 1000;
/// Namespaces in which one user may have a role: all are read with each new token.
pub const NAMESPACES_MAX: i64 = 1000;

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
    /// [`INVITATIONS_MAX`] wait for the user.
    ManyInvitations,
    /// The namespace has [`MEMBERS_MAX`].
    ManyMembers,
    /// The user has a role in [`NAMESPACES_MAX`].
    ManyNamespaces,
}

/// The members of a namespace, by name.
pub async fn list(
    conn: &mut AsyncPgConnection,
    namespace: &str,
) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<(i64, String, String, DateTime<Utc>, bool)> = memberships::table
        .inner_join(account_rows::table)
        .filter(memberships::namespace.eq(namespace))
        .order(account_rows::name)
        .select((
            account_rows::id,
            account_rows::name,
            memberships::role,
            memberships::created_at,
            memberships::accepted_at.is_not_null(),
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(account_id, name, role, created_at, is_accepted)| {
            Ok(Member {
                account_id,
                name,
                role: read_role(&role)?,
                created_at,
                is_accepted,
            })
        })
        .collect()
}

/// Namespaces with the account's role in each, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// In which it has the role.
    pub accepted: Vec<(String, MemberRole)>,
    /// To which it is invited.
    pub invited: Vec<(String, MemberRole)>,
}

/// Where the account has a role, or would have one.
pub async fn of_account(
    conn: &mut AsyncPgConnection,
    account_id: i64,
) -> Result<Roles, StoreError> {
    let rows: Vec<(String, String, bool)> = of(account_id)
        .order(memberships::namespace)
        .select((
            memberships::namespace,
            memberships::role,
            memberships::accepted_at.is_not_null(),
        ))
        .load(conn)
        .await?;
    let mut roles = Roles::default();
    for (namespace, role, is_accepted) in rows {
        let of = if is_accepted {
            &mut roles.accepted
        } else {
            &mut roles.invited
        };
        of.push((namespace, read_role(&role)?));
    }
    Ok(roles)
}

/// Gives a member this role in the namespace, or invites the account to it. Wants a
/// transaction.
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
    let row = memberships::table.find((namespace, account_id));
    let is_there: bool = diesel::select(diesel::dsl::exists(row))
        .get_result(conn)
        .await?;
    if !is_there {
        let members = memberships::table.filter(memberships::namespace.eq(namespace));
        if members.count().get_result::<i64>(conn).await? >= MEMBERS_MAX {
            return Ok(Change::ManyMembers);
        }
        // Invitations of other namespaces may come at the same time; a few more do no harm.
        let waiting = of(account_id).filter(memberships::accepted_at.is_null());
        if waiting.count().get_result::<i64>(conn).await? >= INVITATIONS_MAX {
            return Ok(Change::ManyInvitations);
        }
    }
    diesel::insert_into(memberships::table)
        .values((
            memberships::namespace.eq(namespace),
            memberships::account_id.eq(account_id),
            memberships::role.eq(role.as_str()),
            memberships::accepted_at.eq(None::<DateTime<Utc>>),
        ))
        .on_conflict((memberships::namespace, memberships::account_id))
        .do_update()
        .set(memberships::role.eq(role.as_str()))
        .execute(conn)
        .await?;
    Ok(Change::Done)
}

/// Agrees to the role that the account was given in the namespace.
pub async fn accept(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    account_id: i64,
) -> Result<Change, StoreError> {
    let accepted = of(account_id).filter(memberships::accepted_at.is_not_null());
    if accepted.count().get_result::<i64>(conn).await? >= NAMESPACES_MAX {
        return Ok(Change::ManyNamespaces);
    }
    let found = diesel::update(memberships::table.find((namespace, account_id)))
        .set(memberships::accepted_at.eq(sql("coalesce(accepted_at, now())")))
        .execute(conn)
        .await?;
    Ok(if found > 0 {
        Change::Done
    } else {
        Change::NotFound
    })
}

/// Takes the account's role in the namespace away, or the invitation. Must run in a transaction.
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

/// The account's roles and invitations.
#[diesel::dsl::auto_type(no_type_alias)]
fn of(account: i64) -> _ {
    memberships::table.filter(memberships::account_id.eq(account))
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
        .filter(memberships::accepted_at.is_not_null())
        .order(memberships::account_id.eq(account_id))
        .limit(2)
        .select(memberships::account_id)
        .load(conn)
        .await?;
    Ok(admins == [account_id])
}
