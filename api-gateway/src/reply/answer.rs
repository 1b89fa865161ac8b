//! What a write is answered: kept as bytes, so that a repeated request can be
//! given the very same.

use std::fmt;

use serde::Serialize;

use crate::reply::error::ApiError;

/// What a handler comes to.
pub type Reply = Result<Answer, ApiError>;

/// A status and a JSON body, which `Debug` does not show: it may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: Vec<u8>,
    /// Whether it was given before.
    pub replayed: bool,
}

impl Answer {
    /// 200 with a body.
    pub fn ok(body: &impl Serialize) -> Reply {
        Self::json(200, body)
    }

    /// 201 with what was made.
    pub fn created(body: &impl Serialize) -> Reply {
        Self::json(201, body)
    }

    /// 202 with what is to change.
    pub fn accepted(body: &impl Serialize) -> Reply {
        Self::json(202, body)
    }

    /// 204.
    pub fn no_content() -> Self {
        Self {
            status: 204,
            body: Vec::new(),
            replayed: false,
        }
    }

    fn json(status: u16, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| ApiError::Internal(error.into()))?;
        Ok(Self {
            status,
            body,
            replayed: false,
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        shown.field("status", &self.status).finish_non_exhaustive()
    }
}
