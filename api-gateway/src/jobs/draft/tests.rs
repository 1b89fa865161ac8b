use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;
use shared_types::SizeTable;

use super::*;

fn parse(body: &Value) -> Result<JobDraft, Vec<FieldError>> {
    let regions = vec!["north".to_owned(), "south".to_owned()];
    let catalog = Catalog::new(regions, SizeTable::default(), Duration::from_secs(1)).unwrap();
    JobDraft::parse(body.as_object().unwrap(), &catalog)
}

#[test]
fn three_fields_are_enough() {
    let draft = parse(&json!({ "name": "n", "command": "c", "docker_image_repo": "i" })).unwrap();
    let job = draft.into_job("me", "me", Vec::new());
    assert_eq!(job.region, "north");
    assert_eq!(job.spec.image(), "i:latest");
    assert_eq!(job.spec.size, "XS");
    assert_eq!((job.schedule_mode, job.schedule_active), (None, false));
    assert!(!job.email_enabled && job.spec.vars.is_empty());
}

#[test]
fn null_is_the_same_as_left_out_and_read_only_fields_are_skipped() {
    let short = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
    let long = json!({
        "name": "n", "command": "c", "docker_image_repo": "i", "docker_image_tag": null,
        "resource_size": null, "region_name": null, "namespace": null, "schedule_mode": null,
        "is_schedule_active": null, "runtime_vars": null, "email_enabled": null, "timeout": null,
        "retries": null, "secret_vars": null, "id": 1, "created_by": "x", "created_at": "x",
        "updated_at": 7,
    });
    let job = |body| parse(body).unwrap().into_job("me", "me", Vec::new());
    assert_eq!(job(&short), job(&long));
}

#[test]
fn all_errors_come_at_once() {
    let errors = parse(&json!({
        "namespace": "A", "name": "", "docker_image_repo": 1, "docker_image_tag": "a/b",
        "resource_size": "XXXL", "region_name": "west", "is_schedule_active": "yes",
        "schedule_mode": "daily", "runtime_vars": { "1": "a" }, "email_enabled": 0,
        "timeout": 0, "retries": 11, "secret_vars": { "S": null }, "image": "i",
    }))
    .unwrap_err();
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "command",
            "docker_image_repo",
            "docker_image_tag",
            "email_enabled",
            "image",
            "is_schedule_active",
            "name",
            "namespace",
            "region_name",
            "resource_size",
            "retries",
            "runtime_vars.1",
            "schedule_mode",
            "secret_vars.S",
            "timeout",
        ]
    );
    let region = errors
        .iter()
        .find(|error| error.field == "region_name")
        .unwrap();
    assert_eq!(
        region.message,
        "is not a known region; known are: north, south"
    );
}

#[test]
fn an_active_schedule_needs_a_mode() {
    let mut body = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
    body["is_schedule_active"] = json!(true);
    assert_eq!(parse(&body).unwrap_err()[0].field, "schedule_mode");
    body["schedule_mode"] = json!("R/2030-01-01T00:00:00Z/PT1H");
    assert!(
        parse(&body)
            .unwrap()
            .into_job("me", "me", Vec::new())
            .schedule_active
    );
}

#[test]
fn a_proof_needs_an_entrypoint() {
    let body = |entrypoint: &Value, log_proof: &Value| {
        parse(&json!({
            "name": "n", "command": "c", "docker_image_repo": "i", "entrypoint": entrypoint,
            "log_proof": log_proof,
        }))
    };
    let (none, sh) = (json!(null), json!(["sh", "-c"]));
    for (entrypoint, log_proof) in [
        (&none, &none),
        (&none, &json!(false)),
        (&sh, &none),
        (&sh, &json!(true)),
    ] {
        let spec = body(entrypoint, log_proof).unwrap().spec;
        assert_eq!(spec.log_proof, log_proof == true);
        assert_eq!(spec.entrypoint.is_empty(), entrypoint.is_null());
    }
    for entrypoint in [none, json!([])] {
        let errors = body(&entrypoint, &json!(true)).unwrap_err();
        let field = if entrypoint.is_null() {
            "log_proof"
        } else {
            "entrypoint"
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].field, field);
    }
}

#[test]
fn no_schedule_is_more_frequent_than_the_deployment_allows() {
    let draft = |mode: &str, shortest| {
        let catalog = Catalog::new(vec!["north".to_owned()], SizeTable::default(), shortest);
        let body = json!({
            "name": "n", "command": "c", "docker_image_repo": "i", "schedule_mode": mode,
        });
        JobDraft::parse(body.as_object().unwrap(), &catalog.unwrap()).map(drop)
    };
    let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
    for (mode, shortest) in [
        ("R/2030-01-01T00:00:00Z/PT0.000001S", second),
        ("R/2030-01-01T00:00:00Z/PT0.999999S", second),
        ("R5//PT0.5S", second),
        ("R2/2030-01-01T00:00:00Z/2030-01-01T00:00:00.1Z", second),
        ("R3/PT0.5S/2030-01-01T00:00:00Z", second),
        ("R/2030-01-01T00:00:00Z/PT59S", minute),
        ("0/59 * * * * *", minute),
        ("0 9 * * *; 30 0 9 1 * *", minute),
    ] {
        let errors = draft(mode, shortest).unwrap_err();
        assert_eq!(errors[0].field, "schedule_mode", "{mode}");
        let named = format!("the shortest period is {} s", shortest.as_secs());
        assert!(errors[0].message.ends_with(&named), "{mode}: {errors:?}");
    }
    for (mode, shortest) in [
        ("R/2030-01-01T00:00:00Z/PT1S", second),
        ("* * * * * *", second),
        ("R1/2030-01-01T00:00:00Z/PT0.5S", second),
        ("R/2026-01-31T09:00:00/P1M", second),
        ("* * * * *", minute),
    ] {
        assert_eq!(draft(mode, shortest), Ok(()), "{mode}");
    }
}

#[test]
fn secrets_are_numbered_in_the_order_of_their_names() {
    let mut body = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
    body["secret_vars"] = json!({ "B": "two", "A": "one" });
    let draft = parse(&body).unwrap();
    let values = draft.new_secrets();
    let values: Vec<_> = values.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(values, ["one", "two"]);
    let job = draft.into_job("me", "me", vec![SecretId(1), SecretId(2)]);
    let expected = [("A", 1), ("B", 2)].map(|(name, id)| (name.to_owned(), SecretId(id)));
    assert_eq!(job.spec.secret_vars, expected.into());

    body["runtime_vars"] = json!({ "A": "plain" });
    assert_eq!(parse(&body).unwrap_err()[0].field, "runtime_vars.A");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("XS")),
        Just(json!("north")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_is_read_or_refused_with_reasons(
        name in any_json(), command in any_json(), repo in any_json(), vars in any_json(),
        region in any_json(), mode in any_json(), active in any_json(), secrets in any_json(),
        timeout in any_json(), other in ".{0,8}",
    ) {
        let body = json!({
            "name": name, "command": command, "docker_image_repo": repo, "runtime_vars": vars,
            "region_name": region, "schedule_mode": mode, "is_schedule_active": active,
                "secret_vars": secrets, "timeout": timeout, other: 1,
        });
        if let Err(errors) = parse(&body) {
            prop_assert!(!errors.is_empty());
        }
    }
}
