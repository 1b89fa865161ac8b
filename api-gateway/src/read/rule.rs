//! What a field may hold: how it is read, and the same as a JSON schema. Neither can be
//! said without the other; a property test compares those of names and images.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde_json::Value;
use utoipa::openapi::Schema;

use super::instant;
use crate::openapi::types;

type Read<'a, T> = Box<dyn FnOnce(&Value) -> Result<T, String> + 'a>;

/// What a field may hold. What is wrong with a value is said so that it follows the
/// field's name.
pub struct Rule<'a, T> {
    read: Read<'a, T>,
    schema: Box<dyn FnOnce() -> Schema + 'a>,
}

impl<'a, T: 'a> Rule<'a, T> {
    /// A rule for any kind of value. What a schema cannot say, its `format` names.
    pub fn new<S: Into<Schema>>(
        schema: impl FnOnce() -> S + 'a,
        read: impl FnOnce(&Value) -> Result<T, String> + 'a,
    ) -> Self {
        Self {
            read: Box::new(read),
            schema: Box::new(|| schema().into()),
        }
    }

    /// A rule for texts.
    pub fn text<S: Into<Schema>>(
        schema: impl FnOnce() -> S + 'a,
        read: impl FnOnce(&str) -> Result<T, String> + 'a,
    ) -> Self {
        Self::new(schema, |value| {
            read(value.as_str().ok_or("must be a string")?)
        })
    }

    /// Reads a value.
    pub fn read(self, value: &Value) -> Result<T, String> {
        (self.read)(value)
    }

    /// The schema, also for answers that show the field.
    pub fn schema(self) -> Schema {
        (self.schema)()
    }

    /// The same values, as something else.
    pub fn map<U: 'a>(self, map: impl FnOnce(T) -> U + 'a) -> Rule<'a, U> {
        Rule {
            read: Box::new(|value| (self.read)(value).map(map)),
            schema: self.schema,
        }
    }
}

/// `true` or `false`.
pub fn boolean(description: &str) -> Rule<'_, bool> {
    Rule::new(
        || types::boolean(description),
        |value| Ok(value.as_bool().ok_or("must be true or false")?),
    )
}

/// A whole number of a range.
pub fn number(range: RangeInclusive<u32>, description: &str) -> Rule<'_, u32> {
    let (first, last) = range.into_inner();
    Rule::new(
        move || types::number(first, last, description),
        move |value| {
            // JSON knows one kind of number: 5.0 is 5.
            let whole = value.as_f64().filter(|number| number.fract() == 0.0);
            let number = whole.and_then(|number| number.to_string().parse().ok());
            number
                .filter(|number| (first..=last).contains(number))
                .ok_or_else(|| format!("must be a whole number from {first} to {last}"))
        },
    )
}

/// One of some, by its word.
pub fn one_of<'a, T: Copy>(
    known: &'a [T],
    word: impl Fn(T) -> &'static str + Copy + 'a,
    description: &'a str,
) -> Rule<'a, T> {
    let words = move || known.iter().copied().map(word);
    Rule::text(
        move || types::word(words(), description),
        move |text| {
            let found = known.iter().copied().find(|one| word(*one) == text);
            found.ok_or_else(|| {
                let words: Vec<_> = words().collect();
                format!("must be one of: {}", words.join(", "))
            })
        },
    )
}

/// An instant as RFC 3339 writes it.
pub fn instant<'a>(description: &'a str, example: &'a str) -> Rule<'a, DateTime<Utc>> {
    Rule::text(
        || types::format("instant", description, example),
        instant::parse,
    )
}
