//! The JSON of accounts, tokens, members and the audit log.

use serde::Serialize;
use store::access::MemberRole;
use store::accounts::Account;
use store::audit::Record;
use store::memberships::{Member, Roles};
use store::tokens::Token as KeptToken;

use crate::reply::view::Timestamp;
use crate::tokens::secret::Token;

/// A user, with the field names of 2015.
#[derive(Debug, Serialize)]
pub struct ProfileView {
    username: String,
    realname: Option<String>,
    email: Option<String>,
    created_at: Timestamp,
}

impl From<&Account> for ProfileView {
    fn from(account: &Account) -> Self {
        Self {
            username: account.name.clone(),
            realname: account.real_name.clone(),
            email: account.email.clone(),
            created_at: Timestamp(account.created_at),
        }
    }
}

/// A user with the namespaces they belong to.
#[derive(Debug, Serialize)]
pub struct AccountView {
    #[serde(flatten)]
    profile: ProfileView,
    namespaces: Vec<RoleView>,
    /// Roles that the user has not agreed to.
    invitations: Vec<RoleView>,
}

/// A namespace and what the caller may do there.
#[derive(Debug, Serialize)]
struct RoleView {
    name: String,
    role: &'static str,
}

impl AccountView {
    /// An account and its roles.
    pub fn new(account: &Account, roles: &Roles) -> Self {
        let view = |(name, role): &(String, MemberRole)| RoleView {
            name: name.clone(),
            role: role.as_str(),
        };
        Self {
            profile: account.into(),
            namespaces: roles.accepted.iter().map(view).collect(),
            invitations: roles.invited.iter().map(view).collect(),
        }
    }
}

/// The answer to a login: as in 2015, a token and nothing else.
#[derive(Serialize)]
pub struct LoginView {
    token: String,
}

impl LoginView {
    /// Shows the token.
    pub fn new(token: &Token) -> Self {
        Self {
            token: token.reveal(),
        }
    }
}

/// An organisation.
#[derive(Debug, Serialize)]
pub struct OrganisationView {
    name: String,
    created_at: Timestamp,
}

impl From<&Account> for OrganisationView {
    fn from(account: &Account) -> Self {
        Self {
            name: account.name.clone(),
            created_at: Timestamp(account.created_at),
        }
    }
}

/// A token as it is listed.
#[derive(Debug, Serialize)]
pub struct TokenView {
    id: i64,
    name: String,
    scope: &'static str,
    /// Whether it was given for a password.
    by_login: bool,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl From<&KeptToken> for TokenView {
    fn from(token: &KeptToken) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            scope: token.scope.as_str(),
            by_login: token.by_login,
            created_at: Timestamp(token.created_at),
            expires_at: token.expires_at.map(Timestamp),
        }
    }
}

/// A token as it is shown to the one who made it, this once.
#[derive(Serialize)]
pub struct NewTokenView {
    #[serde(flatten)]
    kept: TokenView,
    token: String,
}

impl NewTokenView {
    /// Shows the token.
    pub fn new(kept: &KeptToken, token: &Token) -> Self {
        Self {
            kept: kept.into(),
            token: token.reveal(),
        }
    }
}

/// A member of a namespace.
#[derive(Debug, Serialize)]
pub struct MemberView<'a> {
    username: &'a str,
    role: &'static str,
    is_accepted: bool,
    created_at: Timestamp,
}

impl<'a> From<&'a Member> for MemberView<'a> {
    fn from(member: &'a Member) -> Self {
        Self {
            username: &member.name,
            role: member.role.as_str(),
            is_accepted: member.is_accepted,
            created_at: Timestamp(member.created_at),
        }
    }
}

/// A line of the audit log.
#[derive(Debug, Serialize)]
pub struct AuditView<'a> {
    id: i64,
    created_at: Timestamp,
    actor: &'a str,
    token_id: Option<i64>,
    action: &'a str,
    resource: &'a str,
    address: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Record> for AuditView<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id.0,
            created_at: Timestamp(record.at),
            actor: &record.actor,
            token_id: record.token_id,
            action: &record.action,
            resource: &record.resource,
            address: record.address.as_deref(),
            request_id: record.request_id.as_deref(),
        }
    }
}
