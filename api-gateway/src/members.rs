//! The members of a namespace.

pub mod http;
pub mod view;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::PgConnection;
use store::access::{Access, MemberRole};
use store::accounts::{self, Account, AccountKind};
use store::memberships::{self, Change, Member};

use crate::context::Context;
use crate::members::view::MemberView;
use crate::openapi::types::document;
use crate::read::fields::{FieldError, Fields};
use crate::read::names;
use crate::read::rule::{Rule, one_of};
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::write::{Act, Written};

/// Reads the body of `PUT …/members/{user}`.
pub fn parse(body: &Map<String, Value>) -> Result<MemberRole, Vec<FieldError>> {
    Fields::read(body, read)
}

fn read(fields: &mut Fields<'_>) -> Option<MemberRole> {
    fields.required("role", role())
}

/// The body of `PUT …/members/{user}`.
#[derive(Debug)]
pub struct NewMembership;

document!(
    NewMembership,
    "Membership",
    Fields::schema(read).examples([json!({ "role": "developer" })])
);

/// The roles there are.
pub fn role() -> Rule<'static, MemberRole> {
    one_of(
        &MemberRole::ALL,
        MemberRole::as_str,
        "Part in the namespace",
    )
}

/// A user's part in a namespace, as a path names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Membership {
    /// The namespace.
    pub namespace: String,
    /// The user.
    pub user: String,
}

/// The members, by name.
pub async fn list(context: &Context, namespace: &str) -> Result<Vec<Member>, ApiError> {
    context.may(Access::Read, namespace)?;
    let mut conn = context.connection().await?;
    Ok(memberships::list(&mut conn, namespace).await?)
}

/// Admits a user, or gives a member another role.
pub async fn set(context: &Context, membership: Membership, role: MemberRole) -> Reply {
    context.may(Access::Admin, &membership.namespace)?;
    let user = user(context, &membership.user).await?;
    let id = user.id;
    let answer = context
        .write(move |conn| {
            Box::pin(async move { admit(conn, &membership.namespace, &user, role).await })
        })
        .await?;
    context.gateway.tokens.forget(id);
    Ok(answer)
}

async fn admit(
    conn: &mut PgConnection,
    namespace: &str,
    user: &Account,
    role: MemberRole,
) -> Result<Written, ApiError> {
    done(memberships::set(conn, namespace, user.id, role).await?)?;
    let resource = format!("members/{}?role={}", user.name, role.as_str());
    Ok(Written::new(
        shown(conn, namespace, user.id).await?,
        Act::new(namespace, "member.set", resource),
    ))
}

/// What is answered about a member.
async fn shown(conn: &mut PgConnection, namespace: &str, account_id: i64) -> Reply {
    let members = memberships::list(conn, namespace).await?;
    let member = members
        .iter()
        .find(|member| member.account_id == account_id);
    Answer::ok(&MemberView::from(member.ok_or(ApiError::NotFound)?))
}

/// Agrees to one's own role, which only then is one.
pub async fn accept(context: &Context, Membership { namespace, user }: Membership) -> Reply {
    if user != context.caller.name() {
        context.may(Access::Read, &namespace)?;
        return Err(ApiError::Forbidden(
            "only the invited user accepts an invitation".to_owned(),
        ));
    }
    context.scoped(Access::Admin)?;
    let id = context.caller.account_id();
    let answer = context
        .write(move |conn| {
            Box::pin(async move {
                done(memberships::accept(conn, &namespace, id).await?)?;
                let answer = shown(conn, &namespace, id).await?;
                let act = Act::new(&namespace, "member.accept", format!("members/{user}"));
                Ok(Written::new(answer, act))
            })
        })
        .await?;
    context.gateway.tokens.forget(id);
    Ok(answer)
}

/// Ends a user's membership, or takes an invitation back. Everybody may end their own;
/// for somebody else's the caller must be an admin.
pub async fn remove(
    context: &Context,
    Membership {
        namespace,
        user: name,
    }: Membership,
) -> Reply {
    if name == context.caller.name() {
        context.scoped(Access::Admin)?;
    } else {
        context.may(Access::Admin, &namespace)?;
    }
    let user = user(context, &name).await?;
    let id = user.id;
    let answer = context
        .write(move |conn| {
            Box::pin(async move {
                done(memberships::remove(conn, &namespace, id).await?)?;
                let act = Act::new(
                    &namespace,
                    "member.remove",
                    format!("members/{}", user.name),
                );
                Ok(Written::new(Answer::no_content(), act))
            })
        })
        .await?;
    context.gateway.tokens.forget(id);
    Ok(answer)
}

/// The user of that name; organisations are members of nothing.
async fn user(context: &Context, name: &str) -> Result<Account, ApiError> {
    let name = names::parse_namespace(name).map_err(|_| ApiError::NotFound)?;
    let mut conn = context.connection().await?;
    let account = accounts::by_name(&mut conn, &name).await?;
    account
        .filter(|account| account.kind == AccountKind::User)
        .ok_or(ApiError::NotFound)
}

fn done(change: Change) -> Result<(), ApiError> {
    let (kind, title, detail) = match change {
        Change::Done => return Ok(()),
        Change::NotFound => return Err(ApiError::NotFound),
        Change::LastAdmin => (
            "last-admin",
            "Last admin",
            "a namespace keeps at least one admin; make another member one first",
        ),
        Change::Owner => (
            "own-namespace",
            "Own namespace",
            "a user stays admin of the namespace of the same name",
        ),
        Change::ManyInvitations => (
            "too-many-invitations",
            "Too many invitations",
            "as many invitations as may wait for this user; some have to be accepted or declined",
        ),
        Change::ManyMembers => (
            "too-many-members",
            "Too many members",
            "the namespace has as many members and invitations as it may; remove one first",
        ),
        Change::ManyNamespaces => (
            "too-many-namespaces",
            "Too many namespaces",
            "you have a role in as many namespaces as one may; leave one of them first",
        ),
    };
    Err(ApiError::Conflict {
        kind,
        title,
        detail: detail.to_owned(),
    })
}
