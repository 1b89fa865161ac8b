//! The rules of a job's single fields: a value comes out usable or with what
//! would be right.

use serde_json::{Value, json};
use shared_types::Command;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{ArrayBuilder, OneOf, OneOfBuilder, SchemaFormat, Type};

use crate::openapi::types::{format, text_without_nul, typed};
use crate::read::rule::{Rule, number};

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

fn parse_command(value: &Value) -> Result<Command, String> {
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

fn command_schema() -> OneOf {
    let with_length = |mut schema: Object| {
        schema.max_length = Some(Command::MAX_BYTES);
        schema
    };
    let text = with_length(format(
        "shell-words",
        "Split as a POSIX shell splits words; no shell is run",
        "/bin bash",
    ));
    let words = ArrayBuilder::new()
        .items(with_length(text_without_nul("One word")))
        .max_items(Some(Command::MAX_WORDS))
        .description(Some("The words themselves"))
        .examples([json!(["sh", "-c", "echo hello"])]);
    OneOfBuilder::new()
        .item(text)
        .item(words)
        .description(Some(
            "Arguments of the container, which follow the image's ENTRYPOINT; at most 64 KiB",
        ))
        .build()
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

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = parse_command(&json!(text));
        }
    }
}
