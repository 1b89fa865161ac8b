//! The answers that many operations have: errors, and headers.

use utoipa::ToResponse;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{Content, Object, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::types;

/// Name, status, meaning.
const ERRORS: &[(&str, u16, &str)] = &[
    (
        "Invalid",
        400,
        "Fields are wrong, all of which are named, or the body is no JSON object",
    ),
    (
        "Unauthenticated",
        401,
        "There is no token, or it is unknown, expired or revoked",
    ),
    (
        "Forbidden",
        403,
        "The token's scope or the role in the namespace is too low",
    ),
    ("NotFound", 404, "It does not exist, or not for this caller"),
    ("RequestTimeout", 408, "The request did not arrive in time"),
    ("Conflict", 409, "It contradicts what is there"),
    (
        "BodyTooLarge",
        413,
        "The body is larger than 1 MiB, or 8 KiB where no token is asked for",
    ),
    (
        "UnsupportedMediaType",
        415,
        "The body is not declared to be JSON, or is compressed",
    ),
    ("TooManyRequests", 429, "A limit on requests was reached"),
    ("Internal", 500, "An error of the service"),
    (
        "Unavailable",
        503,
        "The service is unavailable for a moment; a change is normally not done, and its \
         Idempotency-Key makes repeating it safe",
    ),
];

/// Makes types of the errors that handlers name themselves.
macro_rules! named {
    ($($name:ident),+) => {
        $(
            #[doc = concat!("The error `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub struct $name;

            impl<'r> ToResponse<'r> for $name {
                fn response() -> (&'r str, RefOr<Response>) {
                    let name = stringify!($name);
                    (name, Ref::from_response_name(name).into())
                }
            }
        )+
    };
}

named!(Conflict, Forbidden, NotFound, Unauthenticated);

/// The errors, as components.
pub fn all() -> impl Iterator<Item = (String, RefOr<Response>)> {
    ERRORS.iter().map(|(name, status, meaning)| {
        let problem = RefOr::<Schema>::from(Ref::from_schema_name("Problem"));
        let mut answer = ResponseBuilder::new()
            .description(*meaning)
            .content("application/problem+json", Content::new(Some(problem)));
        if *status == 401 {
            answer = answer.header("WWW-Authenticate", header("Always `Token`"));
        }
        if matches!(status, 429 | 503) {
            let schema = types::number(0, u32::MAX, "Seconds after which to try again");
            answer = answer.header(
                "Retry-After",
                HeaderBuilder::new().schema(Some(schema)).build(),
            );
        }
        let answer = answer.header("X-Request-Id", request_id()).build();
        ((*name).to_owned(), answer.into())
    })
}

/// Adds to an operation the errors it can end with, the headers of its answers
/// and, to a POST, its idempotency key.
pub fn complete(method: &str, operation: &mut Operation) {
    if method == "post" {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "The same request again under this key is given the same answer for 24 hours",
            ))
            .schema(Some(idempotency_key()))
            .build();
        operation
            .parameters
            .get_or_insert_default()
            .push(key.into());
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        optional(body);
    }
    let private = operation.security.is_some();
    let has_body = operation.request_body.is_some();
    let is_read = has_body || has_read_parameters(operation);
    for (status, answer) in &mut operation.responses.responses {
        if let (RefOr::T(answer), true) = (answer, status.starts_with('2')) {
            answer
                .headers
                .insert("X-Request-Id".to_owned(), request_id().into());
            if method == "post" {
                let replayed = header("`true` if this is the answer to an earlier request");
                answer
                    .headers
                    .insert("Idempotency-Replayed".to_owned(), replayed.into());
            }
        }
    }
    for (name, status, _) in ERRORS {
        let possible = match status {
            400 => is_read,
            401 | 403 | 404 => private,
            409 => method == "post",
            413 | 415 => has_body,
            _ => true,
        };
        let own = &mut operation.responses.responses;
        if possible && !own.contains_key(&status.to_string()) {
            own.insert(status.to_string(), Ref::from_response_name(*name).into());
        }
    }
}

/// Visible ASCII.
fn idempotency_key() -> Object {
    let mut schema = types::pattern("^[!-~]*$", 255, "Chosen by the client", "7d1f0c1e");
    schema.min_length = Some(1);
    schema
}

/// A body that may be left out is not `null` when it is there.
fn optional(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let schema = match content {
            RefOr::T(content) => &mut content.schema,
            RefOr::Ref(_) => continue,
        };
        if let Some(RefOr::T(Schema::OneOf(either))) = schema {
            let is_document = |item: &RefOr<Schema>| matches!(item, RefOr::Ref(_));
            *schema = either.items.iter().find(|item| is_document(item)).cloned();
        }
    }
}

/// Whether there are parameters that can be wrong; a wrong path names nothing.
fn has_read_parameters(operation: &Operation) -> bool {
    operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in != ParameterIn::Path,
            RefOr::Ref(_) => true,
        })
}

fn request_id() -> Header {
    header("Finds the request in the service's log; the client's own if it sent a harmless one")
}

fn header(meaning: &str) -> Header {
    let schema = types::text(meaning);
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(meaning))
        .build()
}
