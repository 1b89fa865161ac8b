//! Errors as RFC 9457 problems. What a 5xx was caused by is not in its body;
//! the request's id leads to it in the log.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::types;
use crate::read::fields::FieldError;
use crate::reply::error::{ApiError, whole_seconds};

/// An error, by RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "type": "urn:escapement:problem:invalid-fields",
    "title": "Invalid fields",
    "status": 400,
    "detail": "the request has invalid fields",
    "errors": [{ "field": "name", "message": "is required" }],
})))]
pub struct Problem<'a> {
    #[schema(schema_with = kind)]
    r#type: String,
    /// The type in a few words, for people.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time.
    detail: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, inline)]
    errors: &'a [FieldError],
    /// Of a 5xx: finds its cause in the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
}

fn kind() -> Object {
    types::pattern(
        "^urn:escapement:problem:[a-z-]+$",
        100,
        "A word for programs, which never changes",
        "urn:escapement:problem:invalid-fields",
    )
}

impl ApiError {
    /// The answer; a 5xx carries the request's id.
    pub fn respond(&self, request_id: Option<&str>) -> HttpResponse<BoxBody> {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        match self {
            Self::Unauthenticated(_) => {
                response.insert_header((header::WWW_AUTHENTICATE, "Token"));
            }
            Self::MethodNotAllowed(allowed) => {
                response.insert_header((header::ALLOW, allowed.as_str()));
            }
            Self::TooManyRequests { retry_after, .. } => {
                response.insert_header((header::RETRY_AFTER, whole_seconds(*retry_after)));
            }
            Self::UnsupportedEncoding => {
                // As RFC 9110 (15.5.16) has it: what would be right.
                response.insert_header((header::ACCEPT_ENCODING, "identity"));
            }
            Self::RequestTimeout => {
                // The rest of the body may still come.
                response.force_close();
            }
            Self::Unavailable(_) | Self::TookTooLong => {
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            _ => {}
        }
        let errors = if let Self::Invalid(errors) = self {
            errors.as_slice()
        } else {
            &[]
        };
        let (kind, title) = self.kind();
        response
            .content_type("application/problem+json")
            .body(body(&Problem {
                r#type: format!("urn:escapement:problem:{kind}"),
                title,
                status: status.as_u16(),
                detail: self.to_string(),
                errors,
                request_id: request_id.filter(|_| status.is_server_error()),
            }))
    }

    /// A word for programs and a title for people; neither ever changes.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Invalid(_) => ("invalid-fields", "Invalid fields"),
            Self::Malformed(_) => ("malformed-body", "Malformed body"),
            Self::Unauthenticated(_) => ("unauthenticated", "Authentication required"),
            Self::Forbidden(_) => ("forbidden", "Forbidden"),
            Self::NotFound => ("not-found", "Not found"),
            Self::MethodNotAllowed(_) => ("method-not-allowed", "Method not allowed"),
            Self::RequestTimeout => ("request-timeout", "Request timeout"),
            Self::Conflict { kind, title, .. } => (kind, title),
            Self::TooManyRequests { .. } => ("too-many-requests", "Too many requests"),
            Self::UnsupportedMediaType => ("unsupported-media-type", "Unsupported media type"),
            Self::UnsupportedEncoding => ("unsupported-encoding", "Unsupported encoding"),
            Self::BodyTooLarge(_) => ("body-too-large", "Body too large"),
            Self::Unavailable(_) => ("unavailable", "Service unavailable"),
            Self::TookTooLong => ("took-too-long", "Took too long"),
            Self::Internal(_) => ("internal", "Internal error"),
        }
    }
}

fn body(problem: &Problem<'_>) -> Vec<u8> {
    // Texts and numbers only, which always have a JSON form.
    serde_json::to_vec(problem).unwrap_or_default()
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) | Self::TookTooLong => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(None)
    }
}
