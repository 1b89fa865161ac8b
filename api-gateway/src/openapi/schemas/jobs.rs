//! Jobs, as they are sent and shown.

use serde_json::json;
use utoipa::openapi::{Object, ObjectBuilder};

use super::{Field, answer, body, f, field, ignored, settings, spec};

/// What an answer shows of a job.
pub(super) fn job() -> ObjectBuilder {
    let mut fields = spec();
    fields.extend([
        field("id", f::job_id()),
        field("name", f::name()),
        field("namespace", f::namespace("The account it belongs to")),
        field("created_by", f::text("The account that made it")),
        field("is_schedule_active", f::boolean("Whether it runs on time")),
        field("schedule_mode", f::or_null(f::schedule_mode())),
        field("effective_schedule", settings::effective()),
        field("next_runs", settings::next_runs()),
        field(
            "email_enabled",
            f::boolean("Kept and shown; sends nothing yet"),
        ),
        field("created_at", f::timestamp("When it was made")),
        field("updated_at", f::timestamp("When it was last changed")),
    ]);
    fields.extend(settings::all());
    answer(fields)
}

/// The fields of a job that a client may send; those it can be sent back with
/// are ignored.
fn job_fields(secret: Object) -> Vec<Field> {
    let mut fields = settings::all();
    fields.extend([
        field("docker_image_tag", f::or_null(f::image_tag_or_none())),
        field("resource_size", f::or_null(f::size())),
        field("region_name", f::or_null(f::region())),
        field(
            "is_schedule_active",
            f::or_null(f::boolean("Whether it runs on time; needs `schedule_mode`")),
        ),
        field("schedule_mode", f::or_null(f::schedule_mode())),
        field("runtime_vars", f::or_null(f::runtime_vars())),
        field("secret_vars", f::or_null(f::secret_vars(secret))),
        field("timeout", f::or_null(f::timeout())),
        field("retries", f::or_null(f::retries())),
        field(
            "email_enabled",
            f::or_null(f::boolean("Kept and shown; sends nothing yet")),
        ),
        field("id", ignored("given by the service")),
        field("created_by", ignored("the account of the token")),
        field("created_at", ignored("given by the service")),
        field("updated_at", ignored("given by the service")),
        field(
            "effective_schedule",
            ignored("follows from the other fields"),
        ),
        field("next_runs", ignored("follows from the other fields")),
    ]);
    fields
}

pub(super) fn new_job() -> ObjectBuilder {
    let mut fields = job_fields(f::secret());
    let namespace = f::namespace("The account it shall belong to; the caller's own if left out");
    fields.extend([
        field("name", f::name()),
        field("namespace", f::or_null(namespace)),
        field("command", f::command()),
        field("docker_image_repo", f::image_repo()),
    ]);
    // An active schedule needs a text; utoipa has no `anyOf` beside properties.
    let timed = json!([
        { "properties": { "is_schedule_active": { "enum": [false, null] } } },
        { "required": ["schedule_mode"], "properties": { "schedule_mode": { "type": "string" } } },
    ]);
    body(&["name", "command", "docker_image_repo"], fields)
        .extensions(Some([("anyOf", timed)].into_iter().collect()))
        .description(Some(
            "A job to make. `null` is the same as leaving a field out",
        ))
        .examples([json!({
            "name": "test",
            "command": "bash",
            "docker_image_repo": "registry.example.com/chennanfei/job_image",
            "docker_image_tag": "latest",
            "resource_size": "XXS",
            "is_schedule_active": false,
            "schedule_mode": null,
            "runtime_vars": { "DB_HOST": "localhost" },
        })])
}

pub(super) fn job_change() -> ObjectBuilder {
    let mut fields = job_fields(f::or_null(f::secret()));
    let namespace = f::namespace("May only be what it is");
    fields.extend([
        field("name", f::or_null(f::name())),
        field("namespace", f::or_null(namespace)),
        field("command", f::command_or_null()),
        field("docker_image_repo", f::or_null(f::image_repo())),
    ]);
    body(&[], fields)
        .description(Some(
            "What shall change; a field that is left out stays. `null` clears `schedule_mode`, \
             `schedule_gap`, `schedule_repeat`, `start_deadline`, `timeout` and `retries`, and \
             leaves the others as they are",
        ))
        .examples([json!({
            "name": "test2",
            "command": "/bin bash",
            "docker_image_tag": "trusty",
            "resource_size": "XS",
            "is_schedule_active": false,
            "schedule_mode": null,
            "runtime_vars": { "DB_HOST": "127.0.0.1" },
        })])
}
