//! Who asks, and for which namespaces they may ask.

use store::accounts::Account;

use crate::error::ApiError;

/// The account a request's token speaks for.
#[derive(Debug, Clone)]
pub struct Caller(Account);

impl Caller {
    /// For the authentication only: everybody else is handed one.
    pub fn new(account: Account) -> Self {
        Self(account)
    }

    /// The account's name, which is also its namespace.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The namespace asked for, or the caller's own. One that is not theirs
    /// does not exist for them.
    pub fn namespace(&self, asked: Option<&str>) -> Result<&str, ApiError> {
        match asked {
            Some(name) if name != self.name() => Err(ApiError::NotFound),
            _ => Ok(self.name()),
        }
    }
}
