//! Everything a request can be refused with. What the client may know is in
//! the variant; causes of a 5xx stay inside and are logged once, by the
//! outermost middleware.

use std::error::Error as StdError;

use store::StoreError;
use thiserror::Error;

use crate::fields::FieldError;

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Fields of the body or the query are wrong; all of them are named.
    #[error("the request has invalid fields")]
    Invalid(Vec<FieldError>),
    /// The body cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// There is no valid token.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// It does not exist, or not for this caller.
    #[error("there is no such resource")]
    NotFound,
    /// The path exists but not with this method.
    #[error("this method is not supported here; supported: {0}")]
    MethodNotAllowed(&'static str),
    /// The body is not declared to be JSON.
    #[error("send the body with Content-Type: application/json")]
    UnsupportedMediaType,
    /// The body is larger than any valid one.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// Try again later.
    #[error("the service is unavailable for a moment; try again")]
    Unavailable(#[source] StoreError),
    /// Our fault.
    #[error("an error of the service; its cause was logged")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl ApiError {
    /// One wrong field.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error)
        } else {
            Self::Internal(Box::new(error))
        }
    }
}
