//! The JSON of users and organisations.

use serde::Serialize;
use store::access::MemberRole;
use store::accounts::Account;
use store::memberships::Roles;
use utoipa::ToSchema;

use crate::members::view::role;
use crate::reply::timestamp::Timestamp;
use crate::tokens::secret::Token;
use crate::tokens::view::token;

/// A user, with the field names of 2015.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileView {
    /// Name of the user and the namespace.
    username: String,
    /// A person's name.
    #[schema(required)]
    realname: Option<String>,
    /// Where to write to.
    #[schema(required)]
    email: Option<String>,
    /// When it was made.
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    #[serde(flatten)]
    #[schema(inline)]
    profile: ProfileView,
    /// Where the user may do something.
    #[schema(inline)]
    namespaces: Vec<RoleView>,
    /// Roles that wait for the user to accept them.
    #[schema(inline)]
    invitations: Vec<RoleView>,
}

/// A namespace and what the caller may do there.
#[derive(Debug, Serialize, ToSchema)]
struct RoleView {
    /// Name of the namespace.
    name: String,
    #[schema(schema_with = role)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Login)]
pub struct LoginView {
    #[schema(schema_with = token)]
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organisation)]
pub struct OrganisationView {
    /// Name of the organisation and its namespace.
    name: String,
    /// When it was made.
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
