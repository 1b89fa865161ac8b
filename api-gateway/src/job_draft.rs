//! A job as a client describes it, checked: the only way to one is
//! [`JobDraft::parse`].

use serde_json::{Map, Value};
use shared_types::ExecSpec;
use store::jobs::NewJob;

use crate::catalog::Catalog;
use crate::fields::{FieldError, Fields, boolean, text};
use crate::{image, job_fields};

/// A job that can be kept, once it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDraft {
    namespace: Option<String>,
    name: String,
    region: String,
    spec: ExecSpec,
    email_enabled: bool,
    schedule_mode: Option<String>,
    schedule_active: bool,
}

impl JobDraft {
    /// Reads the body of a create request. Unknown fields are skipped, as old
    /// clients send some.
    pub fn parse(body: &Map<String, Value>, catalog: &Catalog) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(body);
        let name = fields.required("name", text(job_fields::name));
        let namespace = fields.optional(
            "namespace",
            || Ok(None),
            text(|name| job_fields::namespace(name).map(Some)),
        );
        let region = fields.optional(
            "region_name",
            || Ok(catalog.default_region().to_owned()),
            text(|name| catalog.region(name)),
        );
        let email_enabled = fields.optional("email_enabled", || Ok(false), boolean);
        let schedule = parse_schedule(&mut fields);
        let spec = parse_spec(&mut fields, catalog);
        match (name, namespace, region, email_enabled, schedule, spec) {
            (
                Some(name),
                Some(namespace),
                Some(region),
                Some(email_enabled),
                Some((schedule_mode, schedule_active)),
                Some(spec),
            ) => Ok(Self {
                namespace,
                name,
                region,
                spec,
                email_enabled,
                schedule_mode,
                schedule_active,
            }),
            _ => Err(fields.into_errors()),
        }
    }

    /// The namespace the client named, if it did.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The job to keep, in a namespace that the caller may use.
    pub fn into_job(self, namespace: &str, created_by: &str) -> NewJob {
        NewJob {
            namespace: namespace.to_owned(),
            name: self.name,
            created_by: created_by.to_owned(),
            region: self.region,
            spec: self.spec,
            email_enabled: self.email_enabled,
            schedule_mode: self.schedule_mode,
            schedule_active: self.schedule_active,
        }
    }
}

fn parse_spec(fields: &mut Fields<'_>, catalog: &Catalog) -> Option<ExecSpec> {
    let command = fields.required("command", job_fields::command);
    let image_repo = fields.required("docker_image_repo", text(image::repository));
    let image_tag = fields.optional(
        "docker_image_tag",
        || Ok("latest".to_owned()),
        text(image::tag),
    );
    let size = fields.optional(
        "resource_size",
        || catalog.size("XS"),
        text(|name| catalog.size(name)),
    );
    let vars = job_fields::runtime_vars(fields);
    Some(ExecSpec {
        command: command?,
        image_repo: image_repo?,
        image_tag: image_tag?,
        size: size?,
        vars: vars?,
    })
}

fn parse_schedule(fields: &mut Fields<'_>) -> Option<(Option<String>, bool)> {
    let mode = fields.optional(
        "schedule_mode",
        || Ok(None),
        text(job_fields::schedule_mode),
    );
    let active = fields.optional("is_schedule_active", || Ok(false), boolean);
    let (mode, active) = (mode?, active?);
    if active && mode.is_none() {
        fields.refuse(
            "schedule_mode",
            "is required when is_schedule_active is true",
        );
        return None;
    }
    Some((mode, active))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use shared_types::SizeTable;

    use super::*;

    fn parse(body: &Value) -> Result<JobDraft, Vec<FieldError>> {
        let regions = vec!["north".to_owned(), "south".to_owned()];
        let catalog = Catalog::new(regions, SizeTable::default()).unwrap();
        JobDraft::parse(body.as_object().unwrap(), &catalog)
    }

    #[test]
    fn three_fields_are_enough() {
        let draft =
            parse(&json!({ "name": "n", "command": "c", "docker_image_repo": "i" })).unwrap();
        let job = draft.into_job("me", "me");
        assert_eq!(job.region, "north");
        assert_eq!(job.spec.image(), "i:latest");
        assert_eq!(job.spec.size, "XS");
        assert_eq!((job.schedule_mode, job.schedule_active), (None, false));
        assert!(!job.email_enabled && job.spec.vars.is_empty());
    }

    #[test]
    fn null_is_the_same_as_left_out_and_unknown_fields_are_skipped() {
        let short = json!({ "name": "n", "command": "c", "docker_image_repo": "i" });
        let long = json!({
            "name": "n", "command": "c", "docker_image_repo": "i", "docker_image_tag": null,
            "resource_size": null, "region_name": null, "namespace": null, "schedule_mode": null,
            "is_schedule_active": null, "runtime_vars": null, "email_enabled": null, "colour": 1,
        });
        assert_eq!(parse(&short), parse(&long));
    }

    #[test]
    fn all_errors_come_at_once() {
        let errors = parse(&json!({
            "namespace": "A", "name": "", "docker_image_repo": 1, "docker_image_tag": "a/b",
            "resource_size": "XXXL", "region_name": "west", "is_schedule_active": "yes",
            "schedule_mode": "daily", "runtime_vars": { "1": "a" }, "email_enabled": 0,
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
                "is_schedule_active",
                "name",
                "namespace",
                "region_name",
                "resource_size",
                "runtime_vars.1",
                "schedule_mode",
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
        assert!(parse(&body).unwrap().into_job("me", "me").schedule_active);
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
            region in any_json(), mode in any_json(), active in any_json(),
        ) {
            let body = json!({
                "name": name, "command": command, "docker_image_repo": repo, "runtime_vars": vars,
                "region_name": region, "schedule_mode": mode, "is_schedule_active": active,
            });
            if let Err(errors) = parse(&body) {
                prop_assert!(!errors.is_empty());
            }
        }
    }
}
