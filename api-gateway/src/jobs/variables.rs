//! The environment of a job: variables that everybody may read who may read the
//! job, and secret ones, whose values go in and never come out.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Value, json};
use shared_types::SecretId;
use shared_types::spec::RESERVED_VARIABLES;
use utoipa::openapi::schema::{AdditionalProperties, Type};
use utoipa::openapi::{Object, Schema};

use crate::openapi::types::{self, or_null, secret, text_without_nul, typed};
use crate::read::fields::{FieldError, Fields};

/// The field of plain variables.
const RUNTIME_VARS: &str = "runtime_vars";
/// The field of secret ones.
const SECRET_VARS: &str = "secret_vars";
/// Characters of a secret variable's name at most: `var.<name>` is a key of a
/// Kubernetes Secret, which has 253.
const SECRET_NAME_MAX: usize = 249;
/// Variables of a job at most, of both kinds together.
const NAMES_MAX: usize = 256;
/// Bytes of all names and values of one kind at most.
const BYTES_MAX: usize = 64 * 1024;

/// The value of a secret variable.
#[derive(Debug, Clone)]
pub enum Secret {
    /// The one that is stored.
    Kept(SecretId),
    /// One that is to be sealed.
    New(SecretString),
}

/// Plain variables. Only strings: `1.0` and `1` would be one number but are
/// two texts, so a client has to say which it means.
pub fn runtime_vars(fields: &mut Fields<'_>) -> Option<BTreeMap<String, String>> {
    let given = fields.raw(RUNTIME_VARS, || or_null(runtime_schema()));
    let read = |_: &str, value: &Value| match text(value) {
        Err(_) if value.is_number() || value.is_boolean() => {
            Err(format!("must be a string: write \"{value}\""))
        }
        read => read,
    };
    object(fields, RUNTIME_VARS, given, read)
}

/// Plain variables, as they are sent and shown.
pub fn runtime_schema() -> Object {
    let mut schema = schema(
        text_without_nul("Value"),
        "Environment variables, readable by all who may read the job. Names that begin with \
         `ESCAPEMENT_` are reserved",
    );
    schema.examples = vec![json!({ "DB_HOST": "localhost" })];
    schema
}

/// Secret variables: a text is a new value, `null` keeps the stored one.
pub fn secret_vars(
    fields: &mut Fields<'_>,
    stored: Option<&BTreeMap<String, SecretId>>,
) -> Option<BTreeMap<String, Secret>> {
    let given = fields.raw(SECRET_VARS, || {
        let value = secret("Value");
        or_null(match stored {
            Some(_) => secret_schema(or_null(value)),
            None => secret_schema(value),
        })
    });
    let read = |name: &str, value: &Value| {
        if !value.is_null() {
            return text(value).map(|text| Secret::New(text.into()));
        }
        let kept = stored.and_then(|stored| stored.get(name));
        let kept = kept.copied().map(Secret::Kept);
        kept.ok_or_else(|| "is null, which keeps a stored value, but none is stored".to_owned())
    };
    object(fields, SECRET_VARS, given, read)
}

/// Secret variables with such values: the texts that are sent, or the `null` that
/// is shown.
pub fn secret_schema(value: impl Into<Schema>) -> Object {
    let mut schema = schema(
        value,
        "Secret environment variables. Their values are never shown; a name is not in \
         `runtime_vars` too, and does not begin with `ESCAPEMENT_`",
    );
    let mut name = name_schema();
    name.max_length = Some(SECRET_NAME_MAX);
    schema.property_names = Some(Box::new(name.into()));
    schema
}

fn schema(value: impl Into<Schema>, description: &str) -> Object {
    let mut schema = typed(Type::Object, description);
    let value = AdditionalProperties::RefOr(value.into().into());
    schema.property_names = Some(Box::new(name_schema().into()));
    schema.additional_properties = Some(Box::new(value));
    schema.max_properties = Some(NAMES_MAX);
    schema
}

fn name_schema() -> Object {
    let mut name = types::text("Name");
    name.pattern = Some("^[A-Za-z_.-][A-Za-z0-9_.-]*$".to_owned());
    name
}

/// Both kinds together: no name twice, and not too many.
pub fn check<S>(
    vars: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, S>,
) -> Result<(), Vec<FieldError>> {
    if vars.len() + secrets.len() > NAMES_MAX {
        let why = format!("has more than {NAMES_MAX} variables, those of {SECRET_VARS} counted");
        return Err(vec![FieldError::new(RUNTIME_VARS, why)]);
    }
    if bytes(vars) > BYTES_MAX {
        return Err(vec![FieldError::new(RUNTIME_VARS, too_large())]);
    }
    let doubles = vars.keys().filter(|name| secrets.contains_key(*name));
    let doubles = doubles.map(|name| {
        let field = format!("{RUNTIME_VARS}.{name}");
        FieldError::new(&field, format!("is in {SECRET_VARS} too; leave one out"))
    });
    let long = secrets.keys().filter(|name| name.len() > SECRET_NAME_MAX);
    let long = long.map(|name| {
        let why = format!("has a name of more than {SECRET_NAME_MAX} characters");
        FieldError::new(&format!("{SECRET_VARS}.{name}"), why)
    });
    let errors: Vec<_> = doubles.chain(long).collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn bytes(vars: &BTreeMap<String, String>) -> usize {
    vars.iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

fn too_large() -> String {
    format!("has more than {BYTES_MAX} bytes in all")
}

fn object<T>(
    fields: &mut Fields<'_>,
    field: &'static str,
    given: Option<&Value>,
    read: impl Fn(&str, &Value) -> Result<T, String>,
) -> Option<BTreeMap<String, T>> {
    let Some(value) = given else {
        return Some(BTreeMap::new());
    };
    let Some(object) = value.as_object() else {
        fields.refuse(field, "must be an object of strings");
        return None;
    };
    if object.len() > NAMES_MAX {
        fields.refuse(field, format!("has more than {NAMES_MAX} variables"));
        return None;
    }
    let given = object.iter();
    let size = |(name, value): (&String, &Value)| name.len() + value.as_str().map_or(0, str::len);
    if given.clone().map(size).sum::<usize>() > BYTES_MAX {
        fields.refuse(field, too_large());
        return None;
    }
    let mut vars = BTreeMap::new();
    for (name, value) in given {
        match check_name(name).and_then(|()| read(name, value)) {
            Ok(value) => {
                vars.insert(name.clone(), value);
            }
            Err(message) => fields.refuse(&format!("{field}.{name}"), message),
        }
    }
    (vars.len() == object.len()).then_some(vars)
}

/// Kubernetes' rule, which is wider than the shell's, without what is ours.
fn check_name(name: &str) -> Result<(), String> {
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if name.starts_with(RESERVED_VARIABLES) {
        return Err(format!(
            "is reserved: what begins with {RESERVED_VARIABLES} tells a program of its run"
        ));
    }
    if valid {
        return Ok(());
    }
    Err(
        "is not the name of an environment variable: letters, digits, \"_\", \".\" or \"-\", \
         not beginning with a digit"
            .to_owned(),
    )
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.contains('\0') => {
            Err("contains a NUL character, which no program can be given".to_owned())
        }
        Value::String(text) => Ok(text.clone()),
        // The value is not shown: it may be secret.
        _ => Err("must be a string".to_owned()),
    }
}

#[cfg(test)]
mod tests;
