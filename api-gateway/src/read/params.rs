//! Reads the parameters of a query and keeps every complaint, so that a client
//! learns all that is wrong at once. Parameters nobody asks for are ignored:
//! 2015 clients send some.

use chrono::{DateTime, Utc};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{Required, Schema};

use super::fields::FieldError;
use super::instant;
use super::query::Query;
use super::rule::Rule;
use crate::openapi::types::{self, or_empty, text_without_nul};

/// A query being read.
pub struct Params<'a> {
    query: &'a Query,
    errors: Vec<FieldError>,
    /// What was asked for, where that is the question and not what the query says.
    asked: Option<Vec<Parameter>>,
}

impl<'a> Params<'a> {
    /// What `read` makes of a query, or all complaints.
    pub fn read<T>(
        query: &'a Query,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Vec<FieldError>> {
        let mut params = Self {
            query,
            errors: Vec::new(),
            asked: None,
        };
        let read = read(&mut params);
        if params.errors.is_empty() {
            Ok(read)
        } else {
            Err(params.errors)
        }
    }

    /// The parameters that `read` asks for. It is asked with an empty query.
    pub fn asked<T>(read: impl FnOnce(&mut Params<'_>) -> T) -> Vec<Parameter> {
        let mut params = Params {
            query: &Query::default(),
            errors: Vec::new(),
            asked: Some(Vec::new()),
        };
        read(&mut params);
        params.asked.unwrap_or_default()
    }

    /// `created_after` and `created_before`, for a list of what was `made`.
    pub fn created(&mut self, made: &str) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let after = format!("Only {made} at this instant or later");
        let before = format!("Only {made} before this instant");
        (
            self.optional("created_after", instant(&after)),
            self.optional("created_before", instant(&before)),
        )
    }

    /// A parameter, if it is there and its rule takes it.
    pub fn optional<T>(&mut self, name: &'static str, rule: Rule<'_, T>) -> Option<T> {
        if let Some(asked) = &mut self.asked {
            asked.push(parameter(ParameterIn::Query, name, rule.schema()));
            return None;
        }
        let read = rule.read(&self.query.get(name)?.into());
        read.map_err(|message| self.errors.push(FieldError::new(name, message)))
            .ok()
    }
}

/// A parameter of a path or a query.
pub fn parameter(place: ParameterIn, name: &str, schema: Schema) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    let description = match &schema {
        Schema::Object(object) => object.description.clone(),
        Schema::OneOf(either) => either.description.clone(),
        _ => None,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(description)
        .schema(Some(schema))
        .build()
}

/// Says which parameters a type is read from.
macro_rules! parameters {
    ($type:ty, $read:expr) => {
        impl utoipa::IntoParams for $type {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::read::params::Params::asked($read)
            }
        }
    };
}

pub(crate) use parameters;

/// A text to compare with.
pub fn text(description: &str) -> Rule<'_, String> {
    Rule::text(|| text_without_nul(description), parse_text)
}

fn parse_text(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("must not contain the character U+0000".to_owned());
    }
    Ok(text.to_owned())
}

/// `true` or `false`, also as Python writes them.
pub fn flag(description: &str) -> Rule<'_, bool> {
    let schema = || {
        let mut schema = types::boolean(description);
        schema.schema_type = SchemaType::Array(vec![Type::Boolean, Type::String]);
        schema.pattern = Some("^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])?$".to_owned());
        schema
    };
    Rule::text(schema, |text| {
        let flag = text.to_ascii_lowercase().parse();
        flag.map_err(|_| "must be true or false".to_owned())
    })
}

/// An instant as RFC 3339 writes it.
pub fn instant(description: &str) -> Rule<'_, DateTime<Utc>> {
    Rule::text(
        move || {
            // Not `date-time`, which an empty value is not.
            let description = format!("{description}; RFC 3339");
            types::format("instant", &description, "2015-12-28T14:31:07Z")
        },
        instant::parse,
    )
}

/// Some of the known values, by their words, between commas. A filter that names all of
/// them lets everything pass, so it is read as an empty one, which the database need not
/// compare with.
pub fn some_of<'a, T: Copy + PartialEq>(
    known: &'a [T],
    word: impl Fn(T) -> &'static str + Copy + 'a,
    description: &'a str,
) -> Rule<'a, Vec<T>> {
    let words = move |between: &str| {
        let words: Vec<_> = known.iter().map(|one| word(*one)).collect();
        words.join(between)
    };
    let schema = move || {
        let mut schema = types::text(description);
        let one = words("|");
        schema.pattern = Some(format!("^({one})(,({one}))*$"));
        or_empty(schema)
    };
    Rule::text(schema, move |text| {
        let find = |text: &str| known.iter().find(|one| word(**one) == text.trim());
        let mut found = Vec::new();
        for text in text.split(',') {
            let one = find(text)
                .ok_or_else(|| format!("must be one of {}, or several with commas", words(", ")))?;
            if !found.contains(one) {
                found.push(*one);
            }
        }
        if found.len() == known.len() {
            found.clear();
        }
        Ok(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use shared_types::ExecState;

    use super::*;

    fn states(text: &str) -> Result<Vec<ExecState>, String> {
        some_of(&ExecState::ALL, ExecState::letter, "").read(&text.into())
    }

    #[test]
    fn letters_are_a_set() {
        use ExecState::{Failed, Lost};
        assert_eq!(states("F").unwrap(), [Failed]);
        assert_eq!(states("F, L,F").unwrap(), [Failed, Lost]);
        assert_eq!(states("L,C,F,S,R,W").unwrap(), []);
        for bad in ["X", "f", "F,", ",", "FL", "F;L"] {
            let error = states(bad).unwrap_err();
            assert!(error.contains("W, R, S, F, C, L"), "{bad}: {error}");
        }
    }

    #[test]
    fn flags_and_texts() {
        let flag = |text: &str| flag("").read(&text.into());
        assert_eq!(flag("True"), Ok(true));
        assert_eq!(flag("false"), Ok(false));
        assert!(flag("1").is_err());
        assert!(parse_text("a\0").is_err());
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(value in ".{0,40}") {
            let _ = (flag("").read(&json!(value)), states(&value));
        }
    }
}
