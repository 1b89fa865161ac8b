//! Reads the fields of a JSON object and keeps every complaint, so that a
//! client learns all that is wrong at once.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Schema};

use super::rule::Rule;
use crate::openapi::types;

/// Complaints about unknown fields at most: a body can hold a hundred thousand.
const UNKNOWN_MAX: usize = 20;
/// Bytes of a name that may be a misspelt one: comparing costs its length.
const NAME_MAX: usize = 64;
/// Characters of an unknown name that are shown.
const SHOWN_MAX: usize = 100;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, with a dot before a part of it.
    pub field: String,
    /// What is wrong and what would be right; follows the field's name.
    pub message: String,
}

impl FieldError {
    /// A complaint about a field.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// A JSON object being read. `null` is the same as leaving a field out. The
/// fields it may have are those that were asked for.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
    /// What was asked for, where that is the question and not what the object says.
    asked: Option<ObjectBuilder>,
}

impl<'a> Fields<'a> {
    /// Reads an object: what it says, or all complaints: those of the fields, and one
    /// for each that nobody asked for. `read` asks for every field before it gives up
    /// for one of them.
    pub fn read<T>(
        object: &'a Map<String, Value>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Vec<FieldError>> {
        let mut fields = Self {
            object,
            known: Vec::new(),
            errors: Vec::new(),
            asked: None,
        };
        let read = read(&mut fields);
        fields.finish(read)
    }

    /// The schema of the objects that `read` reads. It is asked with an empty one.
    pub fn schema<T>(read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> ObjectBuilder {
        let none = Map::new();
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let mut fields = Fields {
            object: &none,
            known: Vec::new(),
            errors: Vec::new(),
            asked: Some(object),
        };
        read(&mut fields);
        fields.asked.unwrap_or_default()
    }

    /// A field that must be there.
    pub fn required<T>(&mut self, name: &'static str, rule: Rule<'_, T>) -> Option<T> {
        self.asked = self.asked.take().map(|asked| asked.required(name));
        let missing = || Err("is required".to_owned());
        self.field(name, rule, |schema| schema, missing)
    }

    /// A field with a default, which is checked like any other value.
    pub fn defaulting<T>(
        &mut self,
        name: &'static str,
        rule: Rule<'_, T>,
        default: impl FnOnce() -> Result<T, String>,
    ) -> Option<T> {
        self.field(name, rule, types::or_null, default)
    }

    fn field<T>(
        &mut self,
        name: &'static str,
        rule: Rule<'_, T>,
        schema: impl FnOnce(Schema) -> Schema,
        default: impl FnOnce() -> Result<T, String>,
    ) -> Option<T> {
        // A rule is asked for its schema or reads a value, never both.
        let result = if self.asked.is_some() {
            self.describe(name, || schema(rule.schema()));
            default()
        } else {
            let given = self.given(name);
            given.map_or_else(default, |value| rule.read(value))
        };
        result.map_err(|message| self.refuse(name, message)).ok()
    }

    /// A field that may be left out.
    pub fn optional<'r, T: 'r>(
        &mut self,
        name: &'static str,
        rule: Rule<'r, T>,
    ) -> Option<Option<T>> {
        self.defaulting(name, rule.map(Some), || Ok(None))
    }

    /// A field of answers, which may be sent back; `why` it says nothing.
    pub fn ignored(&mut self, name: &'static str, why: &str) {
        self.raw(name, || {
            let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            any.description(Some(format!("Ignored: {why}")))
        });
    }

    /// The field as it is.
    pub fn raw<S: Into<Schema>>(
        &mut self,
        name: &'static str,
        schema: impl FnOnce() -> S,
    ) -> Option<&'a Value> {
        self.describe(name, || schema().into());
        self.given(name)
    }

    fn describe(&mut self, name: &'static str, schema: impl FnOnce() -> Schema) {
        if let Some(asked) = self.asked.take() {
            self.asked = Some(asked.property(name, schema()));
        }
    }

    fn given(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Adds a complaint.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        let names = self.object.keys().map(String::as_str);
        let unknown = names.filter(|name| !self.known.contains(name));
        let complaints: Vec<_> = unknown
            .take(UNKNOWN_MAX)
            .map(|name| FieldError::new(&shown(name), not_a_field(name, &self.known)))
            .collect();
        self.errors.extend(complaints);
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(self.errors),
        }
    }
}

/// A name as far as it helps to find it.
fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// What is wrong with a field that is none, with the one that was probably meant.
fn not_a_field(name: &str, known: &[&str]) -> String {
    let compared = (name.len() <= NAME_MAX).then(|| name.to_lowercase());
    let near = compared.and_then(|name| {
        let distances = known
            .iter()
            .map(|known| (strsim::osa_distance(&name, known), known));
        distances
            .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
            .min()
    });
    match near {
        Some((_, known)) => format!("is not a field; did you mean \"{known}\"?"),
        None if known.is_empty() => "is not a field; this request takes none".to_owned(),
        None => format!("is not a field; known are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::rule::{boolean, number};
    use super::*;

    fn complaints(body: &Value) -> Vec<String> {
        let read = Fields::read(body.as_object().unwrap(), |fields| {
            for name in ["name", "command", "docker_image_repo", "docker_image_tag"] {
                fields.ignored(name, "");
            }
            Some(())
        });
        let errors = read.err().unwrap_or_default();
        errors.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn an_unknown_field_is_told_what_was_probably_meant() {
        for (name, meant) in [
            ("comand", "command"),
            ("Command", "command"),
            ("nmae", "name"),
            ("docker_image_tags", "docker_image_tag"),
            ("docker_imagerepo", "docker_image_repo"),
        ] {
            let expected = format!("is not a field; did you mean \"{meant}\"?");
            assert_eq!(complaints(&json!({ name: 1 })), [expected], "{name}");
        }
        for name in ["colour", "", "x", &"command".repeat(20)] {
            let all = "is not a field; known are: \
                       name, command, docker_image_repo, docker_image_tag";
            assert_eq!(complaints(&json!({ name: null })), [all], "{name}");
        }
        assert!(complaints(&json!({ "name": 1, "command": null })).is_empty());
    }

    #[test]
    fn what_is_read_is_what_the_schema_says() {
        fn read(fields: &mut Fields<'_>) -> Option<(u32, Option<bool>)> {
            fields.ignored("id", "given by the service");
            let size = fields.required("size", number(1..=9, "Size"));
            let fast = fields.optional("fast", boolean("Fast"));
            Some((size?, fast?))
        }
        let expected = json!({
            "type": "object",
            "required": ["size"],
            "additionalProperties": false,
            "properties": {
                "id": { "description": "Ignored: given by the service" },
                "size": { "type": "integer", "description": "Size", "minimum": 1, "maximum": 9 },
                "fast": { "type": ["boolean", "null"], "description": "Fast" },
            },
        });
        assert_eq!(json!(Fields::schema(read).build()), expected);
        let read = |body: Value| Fields::read(body.as_object().unwrap(), read);
        assert_eq!(read(json!({ "id": [], "size": 9.0 })), Ok((9, None)));
        assert_eq!(
            read(json!({ "size": 1, "fast": true })),
            Ok((1, Some(true)))
        );
        let errors = read(json!({ "fast": 1, "slow": 1 })).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["size", "fast", "slow"]);
    }

    #[test]
    fn a_long_name_is_not_compared_and_not_shown_in_full() {
        let long = "ä".repeat(500_000);
        let body = json!({ long: 1 });
        let errors = Fields::read(body.as_object().unwrap(), |_| Some(())).unwrap_err();
        assert_eq!(errors[0].field, format!("{}…", "ä".repeat(100)));
        let known = vec!["docker_image_repo"; 1000];
        let begun = std::time::Instant::now();
        assert!(not_a_field(&"a".repeat(1_000_000), &known).contains("known are"));
        // Comparing them would take some minutes.
        assert!(begun.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn any_name_is_known_or_refused(name in ".{0,80}") {
            let known = ["name", "command", "docker_image_repo", "docker_image_tag"];
            let refused = complaints(&json!({ name.clone(): 1 })).len();
            prop_assert_eq!(refused, usize::from(!known.contains(&name.as_str())));
        }
    }
}
