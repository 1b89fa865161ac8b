//! The outermost middleware: gives each request an id, a span, its client's
//! address and a metric, and each answer the headers that all have. It logs
//! the cause of a 5xx once, and makes one of a panic.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::Edge;
use super::address::ClientAddress;
use super::connection::{self, Pace};
use super::route::route;
use super::trace::RequestTrace;
use crate::reply::error::{ApiError, causes};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_MAX: usize = 64;

/// Leads to a request in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Wraps the whole application.
pub async fn observe(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let busy = request.conn_data::<Rc<Pace>>().map(Pace::begin);
    let id = id(&request);
    let client = ClientAddress::find(peer(&request), request.headers(), edge.trusted_proxies);
    // Of the highest level, so that no filter takes the id from a line.
    let span = tracing::error_span!(
        "request",
        id = id.as_str(),
        method = method(request.method()),
        path = request.path(),
        client = %client.0,
        account = tracing::field::Empty,
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(client);
    let trace = RequestTrace::begin(&edge.traces, request.headers());
    request.extensions_mut().insert(trace);
    let seen = Seen {
        id,
        method: request.method().clone(),
        route: route(&request),
        of_api: request.path().starts_with("/v1"),
    };
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind();
    let answer = answer.instrument(span.clone()).await;
    let answer = answer.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
    let answer = span.in_scope(|| seen.finish(answer));
    let status = status(answer.as_ref());
    seen.count(status, started);
    let (method, route) = (method(&seen.method), seen.route.as_deref());
    trace.end(&edge.traces, method, route, status);
    answer.map(|answer| connection::sending(answer, busy))
}

/// What is left of a request when its answer comes.
struct Seen {
    id: String,
    method: Method,
    /// Found before, because an error leaves no request to find it of.
    route: Option<String>,
    of_api: bool,
}

impl Seen {
    /// A 5xx is logged with its causes and answered with the id that finds
    /// them; every answer gets the headers that all have.
    fn finish(
        &self,
        answer: Result<ServiceResponse<impl MessageBody + 'static>, Error>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        match answer {
            Ok(response) => {
                let error = response.response().error();
                let rendered = error.and_then(|error| self.render(error));
                let mut response = response.map_into_boxed_body();
                if let Some(rendered) = rendered {
                    response = response.into_response(rendered);
                }
                self.dress(response.headers_mut());
                Ok(response)
            }
            // The request is gone, and with it what a ServiceResponse is made of.
            Err(error) => {
                let rendered = self.render(&error);
                let mut response = rendered.unwrap_or_else(|| error.error_response());
                self.dress(response.headers_mut());
                Err(InternalError::from_response(error, response).into())
            }
        }
    }

    fn render(&self, error: &Error) -> Option<HttpResponse> {
        let error = error.as_error::<ApiError>()?;
        let answer = error.respond(Some(&self.id));
        if answer.status().is_server_error() {
            tracing::error!(error = causes(error), "a request failed");
        }
        Some(answer)
    }

    fn dress(&self, headers: &mut HeaderMap) {
        // The id is of letters, digits and dashes only.
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, value);
        }
        let nosniff = HeaderValue::from_static("nosniff");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        if self.of_api {
            let no_store = HeaderValue::from_static("no-store");
            headers.insert(header::CACHE_CONTROL, no_store);
        }
    }

    fn count(&self, status: StatusCode, started: Instant) {
        let route = self.route.as_deref().unwrap_or("none");
        let labels = [
            ("method", method(&self.method).to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_u16().to_string()),
        ];
        metrics::histogram!("escapement_http_request_duration_seconds", &labels)
            .record(started.elapsed().as_secs_f64());
    }
}

fn status(answer: Result<&ServiceResponse<BoxBody>, &Error>) -> StatusCode {
    match answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    }
}

/// A word of a closed set: a method is whatever a client sends, and a label is kept
/// for the life of the process.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
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

/// Every TCP connection has a peer; only a test's made-up request has none.
fn peer(request: &ServiceRequest) -> IpAddr {
    let peer = request.peer_addr().map(|address| address.ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The panic's text is for the log, like every cause.
fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::Internal(format!("panicked: {}", text.unwrap_or("no message")).into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::middleware::from_fn;
    use actix_web::{App, test};
    use chassis::Traces;
    use serde_json::Value;

    use super::*;

    #[actix_web::test]
    async fn a_panic_is_an_answer_that_says_nothing_of_its_cause() {
        let handler = |path: web::Path<u32>| async move {
            assert_eq!(*path, 1, "a secret");
            HttpResponse::Ok().finish()
        };
        let edge = Edge {
            trusted_proxies: 0,
            body_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(1),
            traces: Traces::default(),
        };
        let app = App::new()
            .app_data(web::Data::new(edge))
            .wrap(from_fn(observe))
            .route("/v1/{number}", web::get().to(handler));
        let app = test::init_service(app).await;
        let ask = |path| test::TestRequest::with_uri(path).to_request();
        let error = test::try_call_service(&app, ask("/v1/2")).await;
        let response = error.map(|_| ()).unwrap_err().error_response();
        assert_eq!(response.status(), 500);
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
        let id = header("x-request-id").to_owned();
        assert_eq!(header("content-type"), "application/problem+json");
        assert_eq!(header("cache-control"), "no-store");
        let body = actix_web::body::to_bytes(response.into_body()).await;
        let problem: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        assert_eq!(problem["request_id"], id);
        assert!(!problem.to_string().contains("secret"), "{problem}");
        let response = test::call_service(&app, ask("/v1/1")).await;
        assert_eq!(response.status(), 200, "and the worker lives on");
    }
}
