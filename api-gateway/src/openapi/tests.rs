use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Value, json};
use utoipa::openapi::Schema;

use super::*;
use crate::jobs::image;
use crate::logs::window::Window;
use crate::read::names;
use crate::read::rule::Rule;
use crate::registries;

fn json() -> Value {
    serde_json::from_str(text()).unwrap()
}

#[test]
fn the_copy_in_the_tree_is_fresh() {
    let copy = include_str!("../../openapi.json");
    assert!(
        copy == text(),
        "api-gateway/openapi.json is stale; renew it with:\n  \
         cargo run -p api-gateway -- openapi > openapi.json && mv openapi.json api-gateway/"
    );
}

#[test]
fn it_documents_the_table_of_routes() {
    let document = json();
    let documented: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| {
                let public = operation["security"].is_null();
                (method.as_str(), path.as_str(), public)
            })
        })
        .collect();
    assert_eq!(documented, ROUTES.iter().copied().collect());
}

#[test]
fn every_operation_is_complete() {
    let document = json();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{name}: {id} is taken");
            assert!(operation["summary"].is_string(), "{name}");
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(TAGS.iter().any(|(known, _)| *known == tag), "{name}: {tag}");
            let parameters = operation["parameters"].as_array();
            let in_path = parameters.into_iter().flatten();
            let in_path = in_path.filter(|parameter| parameter["in"] == "path");
            assert_eq!(in_path.count(), path.matches('{').count(), "{name}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|code| code.starts_with('2')), "{name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(
                    object
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                object.values().for_each(|value| walk(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = json();
    let mut found = Vec::new();
    walk(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn documents_are_not_said_in_parts() {
    assert!(!text().contains("\"allOf\""));
}

#[test]
fn errors_are_problems_everywhere() {
    let document = json();
    for (name, answer) in document["components"]["responses"].as_object().unwrap() {
        let schema = &answer["content"]["application/problem+json"]["schema"];
        assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{name}");
    }
    let trigger = &document["paths"]["/v1/jobs/{job}/execs"]["post"]["responses"];
    for code in [
        "400", "401", "403", "404", "409", "413", "415", "429", "500", "503",
    ] {
        assert!(trigger[code].is_object(), "{code}");
    }
    assert_eq!(
        document["paths"]["/openapi.json"]["get"]["responses"]["401"],
        json!(null)
    );
}

/// Texts of a rule's pattern that are as long as it allows.
fn texts<T>(rule: Rule<'_, T>) -> impl Strategy<Value = String> + use<T> {
    let Schema::Object(schema) = rule.schema() else {
        panic!("no text")
    };
    let (pattern, max) = (schema.pattern.unwrap(), schema.max_length.unwrap());
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let texts = string_regex(pattern).unwrap();
    texts.prop_filter("is too long", move |text| text.chars().count() <= max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_a_schema_allows_is_accepted(
        name in texts(names::name()),
        label in texts(names::namespace("")),
        repo in texts(image::repository()),
        tag in texts(image::tag()),
        username in texts(registries::username()),
        time in "[0-9]{1,12}(\\.[0-9]{1,9})?",
    ) {
        prop_assert!(names::name().read(&json!(name)).is_ok(), "{name:?}");
        prop_assert!(names::namespace("").read(&json!(label)).is_ok(), "{label}");
        prop_assert!(image::repository().read(&json!(repo)).is_ok(), "{repo}");
        prop_assert!(image::tag().read(&json!(tag)).is_ok(), "{tag}");
        prop_assert!(registries::username().read(&json!(username)).is_ok(), "{username:?}");
        prop_assert!(Window::start(&time).is_ok(), "{time}");
    }
}
