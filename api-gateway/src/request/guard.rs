//! What every request is held to before anything else of it is looked at: how
//! many may come from its address, that its body is sent as it is, and how long
//! it may take. `HEAD` becomes `GET` here, so that no route has to know of it.

use std::io;
use std::time::Duration;

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::execs::http;
use crate::gateway::Gateway;
use crate::reply::error::ApiError;
use crate::request::address::ClientAddress;
use crate::request::observe::route;
use crate::request::query::Query;

/// What the middlewares of the edge are told.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Proxies of our own between us and the clients.
    pub trusted_proxies: usize,
    /// How long a body may take to arrive, from when it is wanted.
    pub body_timeout: Duration,
    /// How long a request may take until its answer begins.
    pub request_timeout: Duration,
}

/// Lets a request through, with time limits on its body and on its answer.
pub async fn guard(
    edge: web::Data<Edge>,
    gateway: web::Data<Gateway>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let client = ClientAddress::of(request.request());
    if let Err(error) = gateway.limits.address(client) {
        return Ok(request.error_response(error));
    }
    if is_encoded(&request) {
        return Ok(request.error_response(ApiError::UnsupportedEncoding));
    }
    let body = timed(request.take_payload(), edge.body_timeout);
    request.set_payload(body);
    let wants_head_only = request.method() == Method::HEAD;
    if wants_head_only {
        request.head_mut().method = Method::GET;
    }
    let limit = edge.request_timeout + asked_wait(&request);
    match timeout(limit, next.call(request)).await {
        Ok(response) if wants_head_only => Ok(without_stream(response?)),
        Ok(response) => Ok(response?.map_into_boxed_body()),
        Err(_) => Err(ApiError::TookTooLong.into()),
    }
}

/// Whether the body would have to be decoded to be read. A small one could become
/// a very large one, so none is.
fn is_encoded(request: &ServiceRequest) -> bool {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    encodings.into_iter().any(|encoding| {
        !encoding
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"identity")
    })
}

/// The server writes the head of an answer to `HEAD` and leaves out the body; one
/// that is read while it is sent would be read for nothing.
fn without_stream(response: ServiceResponse<impl MessageBody + 'static>) -> ServiceResponse {
    if response.response().body().size() == BodySize::Stream {
        response.map_body(|_, _| BoxBody::new(body::None::new()))
    } else {
        response.map_into_boxed_body()
    }
}

/// What a request that may wait for something gets for it, beyond the time of
/// every request.
fn asked_wait(request: &ServiceRequest) -> Duration {
    let query = Query::of(request.request());
    let Ok(Some(time)) = http::wait_time(&query) else {
        return Duration::ZERO;
    };
    let may_wait = request.method() == Method::GET && route(request).as_deref() == Some(http::EXEC);
    if may_wait { time } else { Duration::ZERO }
}

/// The body, cut off with an error when it has not come in time. The time
/// begins with the first look at it: what we do before is not the client's
/// fault.
fn timed(body: Payload, limit: Duration) -> Payload {
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
pub(super) fn body_was_late(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
