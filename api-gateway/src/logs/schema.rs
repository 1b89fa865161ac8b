//! What lines of logs look like, for the OpenAPI document.

use serde_json::json;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{ObjectBuilder, Schema};

use crate::execs::view::id_schema;
use crate::jobs::fields::job_id;
use crate::openapi::types::{self, answer, document};

/// The lines of a log.
#[derive(Debug)]
pub struct LogLines;

document!(
    LogLines,
    "LogLines",
    ArrayBuilder::new().items(line()).examples([json!([
        {
            "message": "Start pulling image: registry.example.com/chennanfei/job_demo:trusty",
            "time": 1_451_350_944,
            "attempt": 1,
            "platform": true,
            "continued": false,
            "stream": null,
        },
        {
            "message": "hello",
            "time": 1_451_350_945,
            "attempt": 1,
            "platform": false,
            "continued": false,
            "stream": null,
        },
    ])])
);

/// Lines of many logs.
#[derive(Debug)]
pub struct FoundLines;

document!(
    FoundLines,
    "FoundLines",
    ArrayBuilder::new().items(
        [
            ("job_id", Schema::from(job_id())),
            ("exec_id", id_schema("The exec it is of").into())
        ]
        .into_iter()
        .fold(line(), |line, (name, schema)| line
            .property(name, schema)
            .required(name))
    )
);

fn line() -> ObjectBuilder {
    let attempt = types::number(0, i32::MAX.unsigned_abs(), "The attempt it is of");
    let continued = types::boolean("Whether the next line goes on in it: it was too long");
    answer([
        ("message", types::text("The line").into()),
        ("time", types::number(0, u32::MAX, "Unix seconds").into()),
        ("attempt", attempt.into()),
        (
            "platform",
            types::boolean("Whether the platform says it").into(),
        ),
        ("continued", continued.into()),
        (
            "stream",
            types::or_null(types::text("Unknown: Kubernetes does not tell")).into(),
        ),
    ])
}
