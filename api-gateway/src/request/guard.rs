//! What every request is held to before anything else of it is looked at: how
//! many may come from its address, that its body is sent as it is, and how long
//! it may take. `HEAD` becomes `GET` here, so that no route has to know of it.

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tokio::time::timeout;

use super::Edge;
use super::address::ClientAddress;
use super::body::timed;
use super::wait::asked_wait;
use crate::gateway::Gateway;
use crate::reply::error::ApiError;

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
