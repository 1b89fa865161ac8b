//! The JSON of users and organisations.

use serde::Serialize;
use store::access::MemberRole;
use store::accounts::Account;
use store::memberships::Roles;

use crate::reply::timestamp::Timestamp;
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
