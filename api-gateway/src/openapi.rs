//! The API as an OpenAPI document: the operations are written at the handlers,
//! the shapes beside this, and what all operations have in common is added here.

pub mod answers;
pub mod docs;
mod flat;
pub mod parameters;
pub mod types;

use std::sync::LazyLock;

use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi};

use crate::routes::{Operations, ROUTES};

const TOKEN: &str = "token";

const DESCRIPTION: &str = "\
Runs jobs on Kubernetes, on demand or on time. The paths, fields and status codes of the 2015 \
API are here unchanged; every other field is an addition.\n\n\
Every path works with and without a trailing slash. A query parameter with an empty value is \
the same as one that is left out, and unknown ones are ignored. Unknown fields of a body are \
refused. Where there is `GET` there is `HEAD`. Bodies are sent as they are, without \
`Content-Encoding`. Errors are RFC 9457 problems and name every wrong field at once.";

const TAGS: &[(&str, &str)] = &[
    ("jobs", "What is to run, and when"),
    ("schedules", "What becomes of planned instants"),
    ("execs", "The runs of a job"),
    ("logs", "What the runs wrote"),
    ("accounts", "Users and organisations"),
    ("tokens", "What requests show instead of a password"),
    ("members", "Who may do what in a namespace"),
    ("audit", "Who did what"),
    ("registries", "Credentials of private registries"),
    ("catalog", "What this deployment offers"),
    ("documentation", "This document"),
];

/// The document as pretty JSON, always the same for the same code.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // Texts, numbers and maps with text keys, which always have a JSON form.
        let text = document().to_pretty_json().unwrap_or_default();
        text + "\n"
    });
    &TEXT
}

fn document() -> OpenApi {
    let mut document = Operations::openapi();
    document.info = InfoBuilder::new()
        .title("Escapement")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            License::builder()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    let tags = TAGS.iter().map(|(name, description)| {
        let tag = TagBuilder::new().name(*name);
        tag.description(Some(*description)).build()
    });
    document.tags = Some(tags.collect());
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.values_mut().for_each(flat::flatten);
    components.responses.extend(answers::all());
    components.add_security_scheme(TOKEN, token());
    complete(&mut document);
    document
}

/// Adds what follows from an operation's path and method.
fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(id(method, operation));
            let public = ROUTES
                .iter()
                .any(|route| (route.0, route.1, route.2) == (method, path, true));
            if !public {
                let none: [&str; 0] = [];
                operation.security = Some(vec![SecurityRequirement::new(TOKEN, none)]);
            }
            answers::complete(method, operation);
        }
    }
}

/// An operation's name for generated clients: its tag and its handler. Where PATCH has
/// the handler of PUT, it is named after itself.
fn id(method: &str, operation: &Operation) -> String {
    let tag = operation.tags.iter().flatten().next();
    let handler = operation.operation_id.as_deref();
    let handler = handler.filter(|_| method != "patch").unwrap_or(method);
    format!("{}_{handler}", tag.map_or("", String::as_str))
}

fn token() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        "Authorization",
        "`Token <40 hex digits>`, with the word in front",
    )))
}

#[cfg(test)]
mod tests;
