//! The rules of a job's single fields: a value comes out usable or with what
//! would be right.

use std::ops::RangeInclusive;

use serde_json::Value;
use shared_types::Command;

use crate::read::fields::whole_number;

/// Seconds up to a week.
pub const TIMEOUTS: RangeInclusive<u32> = 1..=604_800;
/// Repetitions of a failed run.
pub const RETRIES: RangeInclusive<u32> = 0..=10;

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

/// Seconds that a program may run.
pub fn timeout(value: &Value) -> Result<Option<u32>, String> {
    whole_number(value, TIMEOUTS).map(Some)
}

/// How often a run that failed is repeated.
pub fn retries(value: &Value) -> Result<Option<u32>, String> {
    whole_number(value, RETRIES).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

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
    fn numbers_are_whole_and_bounded() {
        for good in [1, 604_800] {
            assert_eq!(timeout(&json!(good)).unwrap(), Some(good));
        }
        assert_eq!(timeout(&json!(5.0)).unwrap(), Some(5));
        for bad in [
            json!(0),
            json!(604_801),
            json!(-1),
            json!(1.5),
            json!("1"),
            json!(u64::MAX),
        ] {
            let error = timeout(&bad).unwrap_err();
            assert_eq!(error, "must be a whole number from 1 to 604800", "{bad}");
        }
        assert_eq!(retries(&json!(0)).unwrap(), Some(0));
        assert!(retries(&json!(11)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = command(&json!(text));
        }
    }
}
