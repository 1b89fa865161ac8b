//! Which path leads where. Paths come without a trailing slash: a middleware
//! has taken it off, as 2015 clients send both.

use actix_web::error::JsonPayloadError;
use actix_web::middleware::from_fn;
use actix_web::web::{self, JsonConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route};

use super::{authentication, execs, jobs, logs};
use crate::error::ApiError;

/// Bytes of a body at most: the largest valid one with room for escapes.
const BODY_MAX: usize = 1024 * 1024;

/// Adds the API.
pub fn configure(config: &mut ServiceConfig) {
    let json = JsonConfig::default()
        .limit(BODY_MAX)
        .error_handler(refuse_body);
    let jobs = web::resource("/jobs")
        .get(jobs::list)
        .post(jobs::create)
        .default_service(only("GET, POST"));
    let job = web::resource("/jobs/{job}")
        .get(jobs::get)
        .default_service(only("GET"));
    let execs = web::resource("/jobs/{job}/execs")
        .get(execs::list)
        .post(execs::trigger)
        .default_service(only("GET, POST"));
    let exec = web::resource("/jobs/{job}/execs/{exec}")
        .get(execs::get)
        .default_service(only("GET"));
    let logs = web::resource("/jobs/{job}/execs/{exec}/logs")
        .get(logs::read)
        .default_service(only("GET"));
    let v1 = web::scope("/v1")
        .wrap(from_fn(authentication::authenticate))
        .service(jobs)
        .service(job)
        .service(execs)
        .service(exec)
        .service(logs)
        .default_service(web::to(not_found));
    config
        .app_data(json)
        .service(v1)
        .default_service(web::to(not_found));
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

fn only(methods: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed(methods)) })
}

fn refuse_body(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let error = match error {
        JsonPayloadError::ContentType => ApiError::UnsupportedMediaType,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            ApiError::BodyTooLarge(BODY_MAX)
        }
        JsonPayloadError::Deserialize(error) => {
            ApiError::Malformed(format!("the body is not a JSON object: {error}"))
        }
        error => ApiError::Malformed(format!("the body could not be read: {error}")),
    };
    error.into()
}
