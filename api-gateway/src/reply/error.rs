//! Everything a request can be refused with. What the client may know is in
//! the variant; causes of a 5xx stay inside and are logged once, by the
//! outermost middleware.

use std::error::Error as StdError;
use std::time::Duration;

use store::StoreError;
use thiserror::Error;

use crate::read::fields::FieldError;

impl From<Vec<FieldError>> for ApiError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

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
    /// The caller may look, but not do this; says what it takes.
    #[error("{0}")]
    Forbidden(String),
    /// It does not exist, or not for this caller.
    #[error("there is no such resource")]
    NotFound,
    /// The path exists but not with this method.
    #[error("this method is not supported here; supported: {0}")]
    MethodNotAllowed(String),
    /// The client was too slow to send its request.
    #[error("the request did not arrive in time")]
    RequestTimeout,
    /// It contradicts what is there.
    #[error("{detail}")]
    Conflict {
        /// A word for programs, which never changes.
        kind: &'static str,
        /// The kind in a few words, for people.
        title: &'static str,
        /// What is in the way and what would help.
        detail: String,
    },
    /// The body is not declared to be JSON.
    #[error("send the body with Content-Type: application/json")]
    UnsupportedMediaType,
    /// The body is compressed or encoded in another way.
    #[error("send the body as it is, without Content-Encoding")]
    UnsupportedEncoding,
    /// The body is larger than any valid one.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The client asks too much too fast.
    #[error("too many requests: {limit}; try again in {} s", whole_seconds(*retry_after))]
    TooManyRequests {
        /// Which limit was reached.
        limit: &'static str,
        /// When a request may pass again.
        retry_after: Duration,
    },
    /// We took too long, and do not know how it ends.
    #[error("the request took too long; if it was to change something, that may be done or not")]
    TookTooLong,
    /// Try again later.
    #[error("the service is unavailable for a moment; try again")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
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
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

/// As `Retry-After` counts: never too early.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration
        .as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
}

/// An error and what it came from, in one line.
pub fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
