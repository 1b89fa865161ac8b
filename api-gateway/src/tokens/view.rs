//! The JSON of tokens.

use serde::Serialize;
use store::tokens::Token as KeptToken;
use utoipa::ToSchema;
use utoipa::openapi::{Object, Schema};

use super::secret::Token;
use crate::openapi::types;
use crate::reply::timestamp::Timestamp;

/// A token as it is listed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Number of the token.
    #[schema(minimum = 1)]
    id: i64,
    /// What its owner calls it.
    name: String,
    #[schema(schema_with = scope)]
    scope: &'static str,
    /// Whether it was given for a password.
    by_login: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends.
    #[schema(required)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub struct NewTokenView {
    #[serde(flatten)]
    #[schema(inline)]
    kept: TokenView,
    #[schema(schema_with = token)]
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

fn scope() -> Schema {
    super::scope().schema()
}

/// A token, in the answer to who made it.
pub fn token() -> Object {
    types::pattern(
        "^[0-9a-f]{40}$",
        40,
        "The token, shown this once",
        "0123456789abcdef0123456789abcdef01234567",
    )
}
