//! The JSON of tokens.

use serde::Serialize;
use store::tokens::Token as KeptToken;

use super::secret::Token;
use crate::reply::timestamp::Timestamp;

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
