//! Reads the fields of a JSON object and keeps every complaint, so that a
//! client learns all that is wrong at once.

use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A JSON object being read. `null` is the same as leaving a field out.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts reading.
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self {
            object,
            errors: Vec::new(),
        }
    }

    /// The field as it is.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Adds a complaint.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// A field that must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        match self.value(name) {
            Some(value) => self.keep(name, parse(value)),
            None => self.keep(name, Err("is required".to_owned())),
        }
    }

    /// A field with a default, which is checked like any other value.
    pub fn optional<T>(
        &mut self,
        name: &str,
        default: impl FnOnce() -> Result<T, String>,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        let result = self.value(name).map_or_else(default, parse);
        self.keep(name, result)
    }

    /// The complaints; empty when everything could be read.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    fn keep<T>(&mut self, name: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.refuse(name, message)).ok()
    }
}

/// A text, by what `parse` makes of it.
pub fn text<T>(
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> impl FnOnce(&Value) -> Result<T, String> {
    |value| parse(value.as_str().ok_or("must be a string")?)
}

/// `true` or `false`.
pub fn boolean(value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| "must be true or false".to_owned())
}
