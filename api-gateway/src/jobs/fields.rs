//! The rules of a job's single fields: a value comes out usable or with what
//! would be right.

use serde_json::{Value, json};
use shared_types::Command;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{Array, ArrayBuilder, OneOf, OneOfBuilder, SchemaFormat, Type};

use crate::openapi::types::{format, text_without_nul, typed};
use crate::read::rule::{Rule, boolean, number};

/// A job's number.
pub fn job_id() -> Object {
    let mut schema = typed(Type::Integer, "Number of the job");
    schema.format = Some(SchemaFormat::Custom("int64".to_owned()));
    schema.minimum = Some(1_u32.into());
    schema.examples = vec![146.into()];
    schema
}

/// How many execs may run at a time.
pub fn max_running() -> Rule<'static, u32> {
    number(
        1..=10_000,
        "How many of its execs may run at a time, the others wait; `null` is as many as its \
         namespace may run",
    )
}

/// A text that is split like a shell would, or the words themselves.
pub fn command() -> Rule<'static, Command> {
    Rule::new(command_schema, parse_command)
}

/// What is started in place of the image's ENTRYPOINT.
pub fn entrypoint() -> Rule<'static, Vec<String>> {
    Rule::new(entrypoint_schema, parse_entrypoint)
}

/// Whether a program is to prove its output.
pub fn log_proof() -> Rule<'static, bool> {
    boolean(
        "Whether a program of the service starts `entrypoint`, and proves at its end that all \
         that was printed has been read: the seal of the log then says `proven`",
    )
}

fn parse_entrypoint(value: &Value) -> Result<Vec<String>, String> {
    let words = value
        .as_array()
        .and_then(|array| words(array))
        .unwrap_or_default();
    if words.is_empty() || words.iter().any(String::is_empty) {
        return Err("must be an array of strings that are not empty, the program first".to_owned());
    }
    Command::check_words(&words).map_err(|error| error.to_string())?;
    Ok(words)
}

fn entrypoint_schema() -> Array {
    let mut word = word_schema();
    word.min_length = Some(1);
    ArrayBuilder::new()
        .items(word)
        .min_items(Some(1))
        .max_items(Some(Command::MAX_WORDS))
        .description(Some(
            "What is started, in place of the image's ENTRYPOINT and CMD; `command` follows it. \
             At most 64 KiB",
        ))
        .examples([json!(["python3", "-u"])])
        .build()
}

fn words(array: &[Value]) -> Option<Vec<String>> {
    let words = array.iter().map(|word| word.as_str().map(str::to_owned));
    words.collect()
}

fn parse_command(value: &Value) -> Result<Command, String> {
    let command = match value {
        Value::String(text) => Command::Text(text.clone()),
        Value::Array(array) => {
            Command::Words(words(array).ok_or("must be an array of strings only")?)
        }
        _ => return Err("must be a string or an array of strings".to_owned()),
    };
    command.check().map_err(|error| error.to_string())?;
    Ok(command)
}

fn command_schema() -> OneOf {
    let mut text = format(
        "shell-words",
        "Split as a POSIX shell splits words; no shell is run",
        "/bin bash",
    );
    text.max_length = Some(Command::MAX_BYTES);
    let words = ArrayBuilder::new()
        .items(word_schema())
        .max_items(Some(Command::MAX_WORDS))
        .description(Some("The words themselves"))
        .examples([json!(["sh", "-c", "echo hello"])]);
    OneOfBuilder::new()
        .item(text)
        .item(words)
        .description(Some(
            "Arguments of the container, which follow `entrypoint` or else the image's \
             ENTRYPOINT; at most 64 KiB",
        ))
        .build()
}

fn word_schema() -> Object {
    let mut schema = text_without_nul("One word");
    schema.max_length = Some(Command::MAX_BYTES);
    schema
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_are_a_text_or_words() {
        assert_eq!(
            parse_command(&json!("a b")).unwrap(),
            Command::Text("a b".to_owned())
        );
        let words = Command::Words(vec!["a b".to_owned(), String::new()]);
        assert_eq!(parse_command(&json!(["a b", ""])).unwrap(), words);
        for bad in [json!(1), json!({}), json!(["a", 1]), json!("sh -c 'x")] {
            assert!(parse_command(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_entrypoint_is_words() {
        let words = ["sh".to_owned(), "-c".to_owned()];
        assert_eq!(parse_entrypoint(&json!(["sh", "-c"])).unwrap(), words);
        let long = "x".repeat(Command::MAX_BYTES + 1);
        for bad in [
            json!("sh"),
            json!([]),
            json!(["sh", ""]),
            json!(["a", 1]),
            json!([long]),
        ] {
            assert!(parse_entrypoint(&bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = parse_command(&json!(text));
        }
    }
}
