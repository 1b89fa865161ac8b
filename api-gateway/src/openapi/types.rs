//! The plain types that fields are of.

use serde_json::Value;
use utoipa::openapi::schema::{OneOf, OneOfBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};

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

/// A secret's value.
pub fn secret(description: &str) -> Object {
    let mut schema = text_without_nul(description);
    schema.write_only = Some(true);
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
pub fn or_null(schema: impl Into<Schema>) -> Schema {
    let mut schema = schema.into();
    match &mut schema {
        Schema::Object(object) => {
            nullable(&mut object.schema_type);
            if let Some(words) = &mut object.enum_values {
                words.push(Value::Null);
            }
        }
        Schema::Array(array) => nullable(&mut array.schema_type),
        Schema::OneOf(either) => either.items.push(null().into()),
        _ => {}
    }
    schema
}

fn nullable(kind: &mut SchemaType) {
    if let SchemaType::Type(one) = kind {
        *kind = SchemaType::Array(vec![one.clone(), Type::Null]);
    }
}

/// The same, or an empty text.
pub fn or_empty(mut schema: Object) -> Object {
    if let Some(pattern) = &mut schema.pattern {
        *pattern = format!("^$|{pattern}");
    }
    schema
}

/// A whole number as a parameter has it, which left empty is the same as left out.
pub fn number_or_empty(minimum: u32, maximum: u32, description: &str) -> OneOf {
    let mut empty = typed(Type::String, "The same as leaving it out");
    empty.max_length = Some(0);
    OneOfBuilder::new()
        .item(number(minimum, maximum, description))
        .item(empty)
        .description(Some(description))
        .build()
}

/// Nothing but `null`.
pub fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// A text that Postgres and programs can be given.
pub fn text_without_nul(description: &str) -> Object {
    let mut schema = text(description);
    schema.pattern = Some(r"^[^\u0000]*$".to_owned());
    schema
}

/// An instant, as answers show it.
pub fn timestamp(description: &str) -> Object {
    let mut schema = format("date-time", description, "2015-12-28T14:31:07.639255+00:00");
    let digits = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\+00:00$";
    schema.pattern = Some(digits.to_owned());
    schema
}

/// A type.
pub fn typed(kind: Type, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
        .build()
}

/// What an answer shows: all fields are always there.
pub fn answer<const N: usize>(fields: [(&str, RefOr<Schema>); N]) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    fields.into_iter().fold(object, |object, (name, schema)| {
        object.property(name, schema).required(name)
    })
}

/// Makes the functions that the fields of a view name as their schemas.
macro_rules! schemas {
    ($($field:ident = $schema:expr;)+) => {
        $(
            fn $field() -> utoipa::openapi::Schema {
                $schema.into()
            }
        )+
    };
}

/// Gives a type its name in the document, and the schema it has there.
macro_rules! document {
    ($type:ty, $name:literal, $schema:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    };
}

pub(crate) use {document, schemas};
