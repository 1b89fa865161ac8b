//! Who asks, and what they may do where.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use store::access::{Access, MemberRole};
use store::tokens::Bearer;

use crate::reply::error::ApiError;

/// The account a request's token speaks for.
#[derive(Debug, Clone)]
pub struct Caller {
    bearer: Arc<Bearer>,
    /// SHA-256 of the token, by which the database is asked again whether it still holds.
    sha256: [u8; 32],
}

impl Caller {
    /// For the authentication only: everybody else is handed one.
    pub fn new(bearer: Arc<Bearer>, sha256: [u8; 32]) -> Self {
        Self { bearer, sha256 }
    }

    /// SHA-256 of the token.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.bearer.expires_at
    }

    /// Whether this is the same token, and may still do all that `before` might.
    pub fn covers(&self, before: &Self) -> bool {
        let keeps = |(namespace, role): &(String, MemberRole)| {
            let mut now = self.bearer.memberships.iter();
            now.any(|(name, now)| name == namespace && now.access() >= role.access())
        };
        self.token_id() == before.token_id() && before.bearer.memberships.iter().all(keeps)
    }

    /// Number of the account.
    pub fn account_id(&self) -> i64 {
        self.bearer.account_id
    }

    /// Number of the token.
    pub fn token_id(&self) -> i64 {
        self.bearer.token_id
    }

    /// The account's name, which is also its own namespace.
    pub fn name(&self) -> &str {
        &self.bearer.name
    }

    /// Refuses what is beyond the token or the caller's role in the namespace.
    /// A namespace without a role for them does not exist for them.
    pub fn may(&self, need: Access, namespace: &str) -> Result<(), ApiError> {
        let mut memberships = self.bearer.memberships.iter();
        let (_, role) = memberships
            .find(|(name, _)| name == namespace)
            .ok_or(ApiError::NotFound)?;
        self.scoped(need)?;
        if role.access() < need {
            return Err(ApiError::Forbidden(format!(
                "this needs {} access to namespace {namespace}; your role there is {}",
                need.as_str(),
                role.as_str()
            )));
        }
        Ok(())
    }

    /// Refuses what is beyond the token.
    pub fn scoped(&self, need: Access) -> Result<(), ApiError> {
        if self.bearer.scope < need {
            return Err(ApiError::Forbidden(format!(
                "this needs a token of scope {}; this one has scope {}",
                need.as_str(),
                self.bearer.scope.as_str()
            )));
        }
        Ok(())
    }
}
