//! The rules of a job's single fields: a value comes out usable or with what
//! would be right.

use std::collections::BTreeMap;

use recurrence::Recurrence;
use serde_json::Value;
use shared_types::Command;

use crate::fields::{FieldError, Fields};

/// Characters of a job's name at most.
const NAME_MAX: usize = 128;
/// Characters of a namespace at most, so that `jobs-<namespace>` is a DNS label.
const NAMESPACE_MAX: usize = 58;
/// Variables of a job at most.
const VARS_MAX: usize = 256;
/// Bytes of all their names and values at most.
const VARS_MAX_BYTES: usize = 64 * 1024;

/// A name for people, in any language.
pub fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > NAME_MAX {
        return Err(format!("must be 1 to {NAME_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A namespace, which is also the name of an account.
pub fn namespace(text: &str) -> Result<String, String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (1..=NAMESPACE_MAX).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if valid {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be 1 to {NAMESPACE_MAX} lower-case letters, digits or \"-\", \
             and not begin or end with \"-\""
        ))
    }
}

/// A text that is split like a shell would, or the words themselves.
pub fn command(value: &Value) -> Result<Command, String> {
    let command = match value {
        Value::String(text) => Command::Text(text.clone()),
        Value::Array(words) => Command::Words(
            words
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or("must be an array of strings only")?,
        ),
        _ => return Err("must be a string or an array of strings".to_owned()),
    };
    command.check().map_err(|error| error.to_string())?;
    Ok(command)
}

/// The text of a repeating interval, kept as it was given.
pub fn schedule_mode(text: &str) -> Result<Option<String>, String> {
    Recurrence::parse(text).map_err(|error| format!("is not a schedule: {error}"))?;
    Ok(Some(text.to_owned()))
}

/// Environment variables. Only strings: `1.0` and `1` would be one number but
/// are two texts, so a client has to say which it means.
pub fn runtime_vars(fields: &mut Fields<'_>) -> Option<BTreeMap<String, String>> {
    const FIELD: &str = "runtime_vars";
    let Some(value) = fields.value(FIELD) else {
        return Some(BTreeMap::new());
    };
    let Some(object) = value.as_object() else {
        fields.refuse(FIELD, "must be an object of strings");
        return None;
    };
    let mut vars = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, value) in object {
        match variable(name, value) {
            Ok(value) => {
                vars.insert(name.clone(), value);
            }
            Err(message) => errors.push(FieldError::new(&format!("{FIELD}.{name}"), message)),
        }
    }
    let bytes: usize = vars
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if object.len() > VARS_MAX {
        fields.refuse(FIELD, format!("has more than {VARS_MAX} variables"));
    } else if bytes > VARS_MAX_BYTES {
        fields.refuse(
            FIELD,
            format!("has more than {VARS_MAX_BYTES} bytes in all"),
        );
    } else if errors.is_empty() {
        return Some(vars);
    } else {
        for error in errors {
            fields.refuse(&error.field, error.message);
        }
    }
    None
}

/// Kubernetes' rule for names, which is wider than the shell's.
fn variable(name: &str, value: &Value) -> Result<String, String> {
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !valid {
        return Err(
            "is not the name of an environment variable: letters, digits, \"_\", \".\" \
                    or \"-\", not beginning with a digit"
                .to_owned(),
        );
    }
    match value {
        Value::String(text) if text.contains('\0') => {
            Err("contains a NUL character, which no program can be given".to_owned())
        }
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Err(format!("must be a string: write \"{value}\"")),
        _ => Err("must be a string".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn vars(value: &Value) -> Result<BTreeMap<String, String>, Vec<FieldError>> {
        let body = json!({ "runtime_vars": value });
        let mut fields = Fields::of(body.as_object().unwrap());
        let vars = runtime_vars(&mut fields);
        vars.ok_or(fields.into_errors())
    }

    #[test]
    fn names_in_any_language() {
        for good in ["test", "测试任务", "é".repeat(128).as_str(), " a "] {
            assert_eq!(name(good).unwrap(), good);
        }
        for bad in ["", "  ", "é".repeat(129).as_str(), "a\nb", "a\0"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn namespaces_are_dns_labels() {
        for good in ["a", "chennanfei", "team-1", "1", &"a".repeat(58)] {
            assert_eq!(namespace(good).unwrap(), good);
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(59)] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn commands_are_a_text_or_words() {
        assert_eq!(
            command(&json!("a b")).unwrap(),
            Command::Text("a b".to_owned())
        );
        let words = Command::Words(vec!["a b".to_owned(), String::new()]);
        assert_eq!(command(&json!(["a b", ""])).unwrap(), words);
        for bad in [json!(1), json!({}), json!(["a", 1]), json!("sh -c 'x")] {
            assert!(command(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn schedules_are_kept_as_given() {
        let mode = "R1/2015-12-31T16:00:23.446Z/PT1H";
        assert_eq!(schedule_mode(mode).unwrap().unwrap(), mode);
        assert!(schedule_mode("hourly").unwrap_err().contains("R1/"));
    }

    #[test]
    fn every_bad_variable_is_named() {
        let good = vars(&json!({ "A": "", "b_1": "x", "spring.profile-x": "é" })).unwrap();
        assert_eq!(good.len(), 3);
        assert_eq!(vars(&json!(null)).unwrap(), BTreeMap::new());
        let errors =
            vars(&json!({ "A": 1, "1b": "", "c=d": "", "E": null, "F": "\0" })).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        let expected = ["A", "1b", "c=d", "E", "F"].map(|name| format!("runtime_vars.{name}"));
        assert_eq!(fields.len(), expected.len());
        assert!(
            expected
                .iter()
                .all(|field| fields.contains(&field.as_str()))
        );
        let number = errors
            .iter()
            .find(|error| error.field == "runtime_vars.A")
            .unwrap();
        assert_eq!(number.message, "must be a string: write \"1\"");
    }

    #[test]
    fn variables_are_bounded() {
        let many = |n: usize| {
            (0..n)
                .map(|i| (format!("V{i}"), json!("")))
                .collect::<Value>()
        };
        assert!(vars(&many(256)).is_ok());
        assert_eq!(vars(&many(257)).unwrap_err()[0].field, "runtime_vars");
        assert!(vars(&json!({ "A": "x".repeat(VARS_MAX_BYTES - 1) })).is_ok());
        assert!(vars(&json!({ "A": "x".repeat(VARS_MAX_BYTES) })).is_err());
        assert!(vars(&json!([])).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = name(&text);
            let _ = command(&json!(text));
            let _ = schedule_mode(&text);
            if let Ok(label) = namespace(&text) {
                prop_assert!(!label.is_empty() && label.is_ascii());
            }
            let expected = text.starts_with(|c: char| !c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
            prop_assert_eq!(variable(&text, &json!("")).is_ok(), expected);
        }
    }
}
