//! The outermost middleware: gives each request an id, a span and a metric,
//! and logs the cause of a 5xx once.

use std::error::Error as StdError;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_MAX: usize = 64;

/// Wraps the whole application.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = id(&request);
    let span = tracing::info_span!(
        "request",
        id = id.as_str(),
        method = %request.method(),
        path = request.path(),
        account = tracing::field::Empty,
    );
    let response = next.call(request).instrument(span.clone()).await?;
    let mut response = finish(response.map_into_boxed_body(), &id, &span);
    // The id is of letters, digits and dashes only.
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    count(&response, started);
    Ok(response)
}

/// The client's own id if it is harmless in a log, else a new one.
fn id(request: &ServiceRequest) -> String {
    let harmless = |id: &&str| {
        (1..=ID_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    given
        .filter(harmless)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// A 5xx is logged with its causes and answered with the id that finds them.
fn finish(response: ServiceResponse<BoxBody>, id: &str, span: &Span) -> ServiceResponse<BoxBody> {
    let error = response.response().error();
    let Some(error) = error.and_then(|error| error.as_error::<ApiError>()) else {
        return response;
    };
    let answer = error.respond(Some(id));
    if answer.status().is_server_error() {
        span.in_scope(|| tracing::error!(error = causes(error), "a request failed"));
    }
    response.into_response(answer)
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

fn count(response: &ServiceResponse<BoxBody>, started: Instant) {
    let route = response.request().match_pattern();
    let labels = [
        ("method", response.request().method().to_string()),
        ("route", route.unwrap_or_else(|| "none".to_owned())),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::histogram!("escapement_http_request_duration_seconds", &labels)
        .record(started.elapsed().as_secs_f64());
}
