//! Execs and their logs.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};

use super::{answer, body, f, field, spec};

/// What an answer shows of an exec.
pub(super) fn exec(job: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let status = "Waiting, running, succeeded, failed, cancelled, or lost";
    let code = ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Integer, Type::Null]))
        .description(Some("Exit code of the program"));
    let asked = ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Object, Type::Null]))
        .description(Some("What its trigger asked to differ from the job"));
    let mut fields = spec();
    fields.extend([
        field("id", f::exec_id("Id of the exec")),
        ("job", job.into()),
        field("status", f::word(["W", "R", "S", "F", "C", "L"], status)),
        field("trigger_mode", f::word(["M", "S"], "By hand, or on time")),
        field("created_by", f::text("The account that triggered it")),
        field("overrides", asked),
        field("rerun_of", f::or_null(f::exec_id("The exec it runs again"))),
        field("created_at", f::timestamp("When it was triggered")),
        field(
            "started_at",
            f::or_null(f::timestamp("When its program started")),
        ),
        field("ended_at", f::or_null(f::timestamp("When it ended"))),
        field("duration", duration()),
        field("reason", f::or_null(f::reason())),
        field("message", f::or_null(f::text("The reason for people"))),
        field("exit_code", code),
        field("attempt", f::number(0, 100, "Starts of the program so far")),
        field(
            "slot_at",
            f::or_null(f::timestamp("The planned instant it ran for")),
        ),
        field(
            "cancel_requested_at",
            f::or_null(f::timestamp("Since when it is to end")),
        ),
    ]);
    answer(fields)
}

fn duration() -> Object {
    let duration = answer(
        ["hours", "minutes", "seconds"]
            .map(|unit| field(unit, f::number(0, u32::MAX, "Whole ones"))),
    );
    let mut duration = duration.build();
    duration.schema_type = SchemaType::Array(vec![Type::Object, Type::Null]);
    duration.description = Some("How long the program ran".to_owned());
    duration
}

/// What a trigger may send.
pub(super) fn overrides() -> ObjectBuilder {
    body(
        &[],
        [
            field("command", f::command_or_null()),
            field("docker_image_tag", f::or_null(f::image_tag())),
            field("resource_size", f::or_null(f::size())),
            field("runtime_vars", f::or_null(f::runtime_vars())),
        ],
    )
    .description(Some(
        "What shall differ from the job; variables are added or replaced",
    ))
    .examples([json!({ "command": ["sh", "-c", "echo once more"] })])
}

/// A log.
pub(super) fn log_lines() -> ArrayBuilder {
    let line = answer([
        field("message", f::text("The line")),
        field("time", f::number(0, u32::MAX, "Unix seconds")),
    ]);
    ArrayBuilder::new().items(line).examples([json!([
        {
            "message": "Start pulling image: registry.example.com/chennanfei/job_demo:trusty",
            "time": 1_451_350_944,
        },
        { "message": "Start running!", "time": 1_451_350_945 },
    ])])
}
