//! The plain types that fields are of.

use serde_json::Value;
use utoipa::openapi::schema::{SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder};

/// Any text.
pub fn text(description: &str) -> Object {
    typed(Type::String, description)
}

/// A text of a pattern.
pub fn pattern(pattern: &str, max: usize, description: &str, example: &str) -> Object {
    let mut schema = text(description);
    schema.pattern = Some(pattern.to_owned());
    schema.max_length = Some(max);
    schema.examples = vec![example.into()];
    schema
}

/// A text of a rule that has a name.
pub fn format(format: &str, description: &str, example: &str) -> Object {
    let mut schema = text(description);
    schema.format = Some(SchemaFormat::Custom(format.to_owned()));
    schema.examples = vec![example.into()];
    schema
}

/// A whole number between two.
pub fn number(first: u32, last: u32, description: &str) -> Object {
    let mut schema = typed(Type::Integer, description);
    schema.minimum = Some(first.into());
    schema.maximum = Some(last.into());
    schema
}

/// `true` or `false`.
pub fn boolean(description: &str) -> Object {
    typed(Type::Boolean, description)
}

/// One of some words.
pub fn word<'a>(words: impl IntoIterator<Item = &'a str>, description: &str) -> Object {
    let mut schema = text(description);
    schema.enum_values = Some(words.into_iter().map(Value::from).collect());
    schema
}

/// The same, or `null`.
pub fn or_null(mut schema: Object) -> Object {
    if let SchemaType::Type(kind) = schema.schema_type {
        schema.schema_type = SchemaType::Array(vec![kind, Type::Null]);
    }
    if let Some(words) = &mut schema.enum_values {
        words.push(Value::Null);
    }
    schema
}

/// An instant, as answers show it.
pub fn timestamp(description: &str) -> Object {
    let mut schema = format("date-time", description, "2015-12-28T14:31:07.639255+00:00");
    let digits = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\+00:00$";
    schema.pattern = Some(digits.to_owned());
    schema
}

pub(super) fn typed(kind: Type, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
        .build()
}
