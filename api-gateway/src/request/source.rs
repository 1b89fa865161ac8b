//! Reads where a request comes from.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::address::ClientAddress;
use super::observe::RequestId;
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;
use crate::write::source::{Once, RequestSource};

/// Request header of a POST that is to be done once, however often it is sent.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const KEY_MAX: usize = 255;

/// The source of a request with a token.
pub fn source(
    request: &HttpRequest,
    caller: &Caller,
    body: &[u8],
) -> Result<RequestSource, ApiError> {
    let scope = format!("account:{}", caller.account_id());
    Ok(RequestSource {
        caller: Some(caller.clone()),
        ..from(request, caller.name(), scope, body)?
    })
}

/// The source of a request on a public route, for the account it names.
pub fn public_source(
    request: &HttpRequest,
    name: &str,
    body: &[u8],
) -> Result<RequestSource, ApiError> {
    from(request, name, format!("public:{name}"), body)
}

fn from(
    request: &HttpRequest,
    actor: &str,
    scope: String,
    body: &[u8],
) -> Result<RequestSource, ApiError> {
    let request_id = request.extensions().get::<RequestId>().cloned();
    let key = idempotency_key(request)?;
    Ok(RequestSource {
        actor: actor.to_owned(),
        caller: None,
        address: Some(ClientAddress::of(request).0.to_string()),
        request_id: request_id.map(|RequestId(id)| id),
        once: key.map(|key| Once {
            caller: scope,
            key,
            request: [request.path().as_bytes(), b"\n", body].concat(),
        }),
    })
}

/// Only a POST can be done twice.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let header = request.headers().get(IDEMPOTENCY_KEY);
    let Some(value) = header.filter(|_| request.method() == Method::POST) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    if (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let rule = format!("must be 1 to {KEY_MAX} visible ASCII characters");
    Err(ApiError::invalid(IDEMPOTENCY_KEY, rule))
}
