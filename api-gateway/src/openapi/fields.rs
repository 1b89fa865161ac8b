//! The fields of the API as JSON Schema. What a parser accepts is said as
//! exactly as a schema can; where a regular expression cannot say it, `format`
//! names the rule.

mod images;

use std::ops::RangeInclusive;

use serde_json::json;
use shared_types::{Command, Reason};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, OneOf, OneOfBuilder, SchemaFormat, Type,
};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};

pub use self::images::{image_repo, image_tag, image_tag_or_none, registry};
use super::types::typed;
pub use super::types::{boolean, format, number, or_null, pattern, text, timestamp, word};
use crate::jobs::variables::{self, SECRET_NAME_MAX};
use crate::read::names;
use crate::{jobs, registries, schedules};

/// A job's number.
pub fn job_id() -> Object {
    let mut schema = typed(Type::Integer, "Number of the job");
    schema.format = Some(SchemaFormat::Custom("int64".to_owned()));
    schema.minimum = Some(1_u32.into());
    schema.examples = vec![146.into()];
    schema
}

/// An exec's id.
pub fn exec_id(description: &str) -> Object {
    format("uuid", description, "64b2d045-2881-4293-9bcd-bdc04b953115")
}

/// See [`names::name`]: no control character, and one that can be seen.
pub fn name() -> Object {
    const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
    const SPACE: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
    let refused = format!("{CONTROL}{}", class(&names::DIRECTION));
    let invisible = class(&names::INVISIBLE);
    let visible = format!("^[^{refused}]*[^{refused}{SPACE}{invisible}][^{refused}]*$");
    let mut schema = pattern(
        &visible,
        names::NAME_MAX,
        "Name for people, in any language; not unique",
        "test",
    );
    schema.min_length = Some(1);
    schema
}

/// Ranges as they stand in a class of a pattern. Beyond the first plane there is no
/// escape that all dialects know, so they are the characters themselves.
fn class(ranges: &[RangeInclusive<char>]) -> String {
    let range = |range: &RangeInclusive<char>| format!("{}-{}", range.start(), range.end());
    ranges.iter().map(range).collect()
}

/// See [`names::namespace`].
pub fn namespace(description: &str) -> Object {
    let label = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";
    pattern(label, names::NAMESPACE_MAX, description, "chennanfei")
}

/// See [`jobs::fields::command`].
pub fn command() -> OneOf {
    let text = with_length(format(
        "shell-words",
        "Split as a POSIX shell splits words; no shell is run",
        "/bin bash",
    ));
    let word = with_length(text_without_nul("One word"));
    let words = ArrayBuilder::new()
        .items(word)
        .max_items(Some(Command::MAX_WORDS))
        .description(Some("The words themselves"))
        .examples([json!(["sh", "-c", "echo hello"])]);
    OneOfBuilder::new()
        .item(text)
        .item(words)
        .description(Some(
            "Arguments of the container, which follow the image's ENTRYPOINT; at most 64 KiB",
        ))
        .build()
}

fn with_length(mut schema: Object) -> Object {
    schema.max_length = Some(Command::MAX_BYTES);
    schema
}

/// A command, or `null`.
pub fn command_or_null() -> OneOf {
    let mut schema = command();
    schema.items.push(null().into());
    schema
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// See [`crate::registries::parse`].
pub fn username() -> Object {
    let text = r"^[^:\u0000-\u001f\u007f-\u009f]+$";
    pattern(text, registries::USERNAME_MAX, "Whom to pull as", "robot")
}

/// See [`crate::registries::parse`].
pub fn password() -> Object {
    let mut schema = secret();
    schema.min_length = Some(1);
    schema.max_length = Some(registries::PASSWORD_MAX);
    schema
}

/// The name of a size of this deployment.
pub fn size() -> Object {
    format("resource-size", "A size that `GET /v1/sizes` lists", "XXS")
}

/// The name of a region of this deployment.
pub fn region() -> Object {
    format(
        "region",
        "A region that `GET /v1/regions` lists",
        "BEIJING1",
    )
}

/// See [`schedules::fields::mode`].
pub fn schedule_mode() -> Object {
    let mut schema = format(
        "schedule",
        "ISO 8601 repeating interval (runs in all, none is for ever; start, without an offset by \
         the clock of `schedule_timezone`; period), or cron expressions joined by `;`",
        "R1/2015-12-31T16:00:23.446Z/PT1H",
    );
    schema.examples.push("30 2 * * MON-FRI".into());
    schema.max_length = Some(schedules::fields::MODE_MAX);
    schema
}

/// A name of the IANA database.
pub fn timezone() -> Object {
    format(
        "timezone",
        "IANA zone whose wall clock the schedule speaks of; UTC if left out",
        "Europe/Berlin",
    )
}

/// See [`variables::runtime_vars`].
pub fn runtime_vars() -> Object {
    let value = text_without_nul("Value");
    let mut schema = variables(
        value.into(),
        "Environment variables, readable by all who may read the job",
    );
    schema.examples = vec![json!({ "DB_HOST": "localhost" })];
    schema
}

/// See [`variables::secret_vars`]; only an update may send `null`, which keeps
/// what is stored.
pub fn secret_vars(value: Object) -> Object {
    let mut schema = variables(
        value.into(),
        "Secret environment variables. Their values are never shown; a name is not in \
         `runtime_vars` too",
    );
    schema.property_names = Some(Box::new(variable_name(Some(SECRET_NAME_MAX)).into()));
    schema
}

/// A secret's value.
pub fn secret() -> Object {
    let mut schema = text_without_nul("Value");
    schema.write_only = Some(true);
    schema
}

/// What is shown of a secret's value.
pub fn hidden() -> Object {
    null()
}

fn variables(value: RefOr<Schema>, description: &str) -> Object {
    let mut schema = typed(Type::Object, description);
    schema.property_names = Some(Box::new(variable_name(None).into()));
    schema.additional_properties = Some(Box::new(AdditionalProperties::RefOr(value)));
    schema.max_properties = Some(variables::NAMES_MAX);
    schema
}

fn variable_name(max: Option<usize>) -> Object {
    let mut name = text("Name");
    name.pattern = Some("^[A-Za-z_.-][A-Za-z0-9_.-]*$".to_owned());
    name.max_length = max;
    name
}

/// A text that Postgres and programs can be given.
pub fn text_without_nul(description: &str) -> Object {
    let mut schema = text(description);
    schema.pattern = Some(r"^[^\u0000]*$".to_owned());
    schema
}

/// See [`jobs::fields::timeout`].
pub fn timeout() -> Object {
    let (first, last) = jobs::fields::TIMEOUTS.into_inner();
    number(
        first,
        last,
        "Seconds a run may take; `null` is the deployment's limit. Kept and \
         handed on; has no effect yet",
    )
}

/// See [`jobs::fields::retries`].
pub fn retries() -> Object {
    let (first, last) = jobs::fields::RETRIES.into_inner();
    number(
        first,
        last,
        "How often a failed run is repeated; `null` is never. Kept and handed on; has no effect yet",
    )
}

/// Why an exec is in its state.
pub fn reason() -> Object {
    let words = Reason::ALL.iter().map(|reason| reason.as_str());
    word(words, "Why it is in this state")
}

/// Visible ASCII.
pub fn idempotency_key() -> Object {
    let mut schema = pattern("^[!-~]*$", 255, "Chosen by the client", "7d1f0c1e");
    schema.min_length = Some(1);
    schema
}

#[cfg(test)]
mod tests;
