//! A request's body: a JSON object of bounded size, and the bytes it was sent as.

use std::io;
use std::ops::Deref;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpRequest};
use futures::{StreamExt, stream};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use crate::gateway::Gateway;
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;

/// Bytes of a body at most: the largest valid one with room for escapes.
pub const BODY_MAX: usize = 1024 * 1024;

/// Bytes of a body at most where no token is asked for: a few short texts.
pub const PUBLIC_BODY_MAX: usize = 8 * 1024;

/// Bytes of a body from which on it is read beside the worker, which answers many other
/// connections meanwhile: a megabyte of small values takes a while.
const LARGE: usize = 64 * 1024;

/// Some clients begin a text with it. It is no JSON, and RFC 8259 (8.1) lets a
/// reader pass over it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body; it may hold passwords, so it has no `Debug`. An empty one counts as
/// `{}` only where the route takes none.
#[derive(Clone, Default)]
pub struct Body {
    bytes: Bytes,
    object: Map<String, Value>,
}

impl Body {
    pub(super) fn new(bytes: Bytes, object: Map<String, Value>) -> Self {
        Self { bytes, object }
    }

    /// What it says.
    pub fn into_object(self) -> Map<String, Value> {
        self.object
    }

    /// As it was sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) async fn parse(request: &HttpRequest, bytes: Bytes) -> Result<Self, ApiError> {
        if !is_json(request) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let gateway = request.app_data::<web::Data<Gateway>>();
        let account = request.extensions().get().map(Caller::account_id);
        match (gateway, account) {
            (Some(gateway), Some(account)) if bytes.len() >= LARGE => {
                let read = gateway.aside(account, async move { Self::read(bytes) });
                read.await
            }
            _ => Self::read(bytes),
        }
    }

    fn read(bytes: Bytes) -> Result<Self, ApiError> {
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        let object = serde_json::from_slice(text).map_err(|error| {
            ApiError::Malformed(format!("the body is not a JSON object: {error}"))
        })?;
        Ok(Self { bytes, object })
    }
}

impl Deref for Body {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.object
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let kind = request.content_type().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// `limit` is what the route lets a body have.
pub(super) fn refuse(error: &actix_web::Error, limit: usize) -> ApiError {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => ApiError::BodyTooLarge(limit),
        Some(error) if body_was_late(error) => ApiError::RequestTimeout,
        _ => ApiError::Malformed(format!("the body could not be read: {error}")),
    }
}

/// The body, cut off with an error when it has not come in time. The time
/// begins with the first look at it: what we do before is not the client's
/// fault.
pub(super) fn timed(body: Payload, limit: Duration) -> Payload {
    if matches!(body, Payload::None) {
        return body;
    }
    let chunks = stream::unfold((body, None), move |(mut body, deadline)| async move {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + limit);
        let chunk = match timeout_at(deadline, body.next()).await {
            Ok(chunk) => chunk?,
            Err(_) => Err(PayloadError::Io(io::ErrorKind::TimedOut.into())),
        };
        Some((chunk, (body, Some(deadline))))
    });
    Payload::Stream {
        payload: Box::pin(chunks),
    }
}

/// Whether a body could not be read because it did not come in time.
fn body_was_late(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
