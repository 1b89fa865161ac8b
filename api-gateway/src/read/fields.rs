//! Reads the fields of a JSON object and keeps every complaint, so that a
//! client learns all that is wrong at once.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

/// Complaints about unknown fields at most: a body can hold a hundred thousand.
const UNKNOWN_MAX: usize = 20;
/// Bytes of a name that may be a misspelt one: comparing costs its length.
const NAME_MAX: usize = 64;
/// Characters of an unknown name that are shown.
const SHOWN_MAX: usize = 100;

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

/// A JSON object being read. `null` is the same as leaving a field out. The
/// fields it may have are those that were asked for.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts reading.
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self {
            object,
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The field as it is.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Adds a complaint.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// A field that must be there.
    pub fn required<T>(
        &mut self,
        name: &'static str,
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
        name: &'static str,
        default: impl FnOnce() -> Result<T, String>,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        let result = self.value(name).map_or_else(default, parse);
        self.keep(name, result)
    }

    /// What was read, or the complaints: those so far, and one for each field
    /// that nobody asked for.
    pub fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<FieldError>> {
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

    fn keep<T>(&mut self, name: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.refuse(name, message)).ok()
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

/// A whole number of a range.
pub fn whole_number(value: &Value, range: RangeInclusive<u32>) -> Result<u32, String> {
    // JSON knows one kind of number: 5.0 is 5.
    let whole = value.as_f64().filter(|number| number.fract() == 0.0);
    let number = whole.and_then(|number| number.to_string().parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (first, last) = range.into_inner();
            format!("must be a whole number from {first} to {last}")
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn complaints(body: &Value) -> Vec<String> {
        let mut fields = Fields::of(body.as_object().unwrap());
        for name in ["name", "command", "docker_image_repo", "docker_image_tag"] {
            fields.value(name);
        }
        let errors = fields.finish(Some(())).err().unwrap_or_default();
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
    fn a_long_name_is_not_compared_and_not_shown_in_full() {
        let long = "ä".repeat(500_000);
        let body = json!({ long: 1 });
        let fields = Fields::of(body.as_object().unwrap());
        let errors = fields.finish(Some(())).unwrap_err();
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
