use proptest::prelude::*;
use serde_json::json;

use super::*;

fn vars(value: &Value) -> Result<BTreeMap<String, String>, Vec<FieldError>> {
    let body = json!({ "runtime_vars": value });
    Fields::read(body.as_object().unwrap(), runtime_vars)
}

fn secrets(value: &Value) -> Result<BTreeMap<String, Secret>, Vec<FieldError>> {
    let body = json!({ "secret_vars": value });
    let stored = [("STORED".to_owned(), SecretId(7))].into();
    Fields::read(body.as_object().unwrap(), |fields| {
        secret_vars(fields, Some(&stored))
    })
}

#[test]
fn every_bad_variable_is_named() {
    let good = vars(&json!({ "A": "", "b_1": "x", "spring.profile-x": "é" })).unwrap();
    assert_eq!(good.len(), 3);
    assert_eq!(vars(&json!(null)).unwrap(), BTreeMap::new());
    let errors = vars(&json!({ "A": 1, "1b": "", "c=d": "", "E": null, "F": "\0" })).unwrap_err();
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    let expected = ["1b", "A", "E", "F", "c=d"].map(|name| format!("runtime_vars.{name}"));
    assert_eq!(fields, expected);
    for name in ["ESCAPEMENT_FENCE", "ESCAPEMENT_"] {
        let errors = vars(&json!({ name: "x" })).unwrap_err();
        assert!(errors[0].message.starts_with("is reserved"), "{errors:?}");
        assert!(secrets(&json!({ name: "x" })).is_err());
    }
    let number = errors.iter().find(|error| error.field == "runtime_vars.A");
    assert_eq!(number.unwrap().message, "must be a string: write \"1\"");
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
    assert!(vars(&json!({ "A": "x".repeat(BYTES_MAX - 1) })).is_ok());
    assert!(vars(&json!({ "A": "x".repeat(BYTES_MAX) })).is_err());
    assert!(vars(&json!([])).is_err());
    assert!(secrets(&json!({ "A": "x".repeat(BYTES_MAX) })).is_err());

    let half = vars(&many(128)).unwrap();
    let others = |n: usize| (0..n).map(|i| (format!("S{i}"), ())).collect();
    assert!(check(&half, &others(128)).is_ok());
    assert!(check(&half, &others(129)).is_err());
    let doubled = check(&half, &[("V7".to_owned(), ())].into()).unwrap_err();
    assert_eq!(doubled[0].field, "runtime_vars.V7");
    let named = |length: usize| check(&half, &[("S".repeat(length), ())].into());
    assert!(named(SECRET_NAME_MAX).is_ok());
    assert!(named(SECRET_NAME_MAX + 1).is_err());
}

#[test]
fn a_secret_is_a_text_or_the_stored_one_and_never_shown() {
    let read = secrets(&json!({ "NEW": "hush", "STORED": null })).unwrap();
    assert!(matches!(read["STORED"], Secret::Kept(SecretId(7))));
    assert!(matches!(read["NEW"], Secret::New(_)));
    assert!(!format!("{read:?}").contains("hush"));
    assert!(matches!(
        secrets(&json!({ "STORED": "x" })).unwrap()["STORED"],
        Secret::New(_)
    ));
    let errors = secrets(&json!({ "OTHER": null, "PIN": 1234 })).unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(!format!("{errors:?}").contains("1234"));
}

proptest! {
    #[test]
    fn names_follow_one_rule(name in ".{0,40}") {
        let expected = name.starts_with(|c: char| !c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        prop_assert_eq!(check_name(&name).is_ok(), expected);
    }
}
