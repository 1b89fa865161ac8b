//! An update: the stored job's fields with those of the body in their place,
//! read and checked as a whole like a new job's.

use std::collections::BTreeMap;
use std::mem;

use chrono::Utc;
use serde_json::{Map, Value, json};
use store::jobs::Job;
use utoipa::openapi::{ObjectBuilder, RefOr};

use crate::catalog::Catalog;
use crate::jobs::draft::{JobDraft, Stored};
use crate::jobs::view::JobView;
use crate::openapi::types::{document, or_null};
use crate::read::fields::Fields;
use crate::reply::error::ApiError;

/// The fields that can be empty, so that `null` says something.
const CLEARABLE: [&str; 12] = [
    "entrypoint",
    "schedule_mode",
    "schedule_gap",
    "schedule_repeat",
    "start_deadline",
    "timeout",
    "grace_period",
    "retries",
    "retry_on",
    "retry_backoff",
    "guarantee",
    "max_running",
];

/// Fields that another one's word decides on: with a new word, what they were
/// says nothing.
const DEPENDENT: [(&str, &str); 3] = [
    ("overlap_policy", "overlap_limit"),
    ("catch_up", "catch_up_limit"),
    ("catch_up", "catch_up_window"),
];

impl JobDraft {
    /// Reads the body of an update of this job. What the body leaves out stays.
    pub fn change(
        job: &Job,
        body: &Map<String, Value>,
        catalog: &Catalog,
    ) -> Result<Self, ApiError> {
        let shown = serde_json::to_value(JobView::new(job, Utc::now()));
        let shown = shown.map_err(|error| ApiError::Internal(error.into()))?;
        let mut whole = shown.as_object().cloned().unwrap_or_default();
        for (word, dependent) in DEPENDENT {
            if body
                .get(word)
                .is_some_and(|new| whole.get(word) != Some(new))
            {
                whole.remove(dependent);
            }
        }
        if whole.get("docker_image_tag").is_some_and(|tag| tag == "") {
            // The digest of the stored image made it unnecessary; the next one may not.
            whole.remove("docker_image_tag");
        }
        for (name, value) in body {
            let left_out = value.is_null() && !CLEARABLE.contains(&name.as_str());
            if !(left_out && whole.contains_key(name)) {
                whole.insert(name.clone(), value.clone());
            }
        }
        let stored = Stored {
            namespace: &job.definition.namespace,
            secrets: &job.definition.spec.secret_vars,
        };
        Fields::read(&whole, |fields| Self::read(fields, catalog, Some(stored)))
            .map_err(ApiError::Invalid)
    }

    /// The fields of a job, of which none is required.
    fn schema_of_change() -> ObjectBuilder {
        let stored = Stored {
            namespace: "",
            secrets: &BTreeMap::new(),
        };
        let whole = Fields::schema(|fields| Self::read(fields, &Catalog::default(), Some(stored)));
        let mut whole = whole.build();
        for name in mem::take(&mut whole.required) {
            if let Some(RefOr::T(schema)) = whole.properties.get_mut(&name) {
                *schema = or_null(schema.clone());
            }
        }
        ObjectBuilder::from(whole)
            .description(Some(format!(
                "What shall change; a field that is left out stays. `null` clears `{}`, and \
                 leaves the others as they are",
                CLEARABLE.join("`, `"),
            )))
            .examples([json!({
                "name": "test2",
                "command": "/bin bash",
                "docker_image_tag": "trusty",
                "resource_size": "XS",
                "is_schedule_active": false,
                "schedule_mode": null,
                "runtime_vars": { "DB_HOST": "127.0.0.1" },
            })])
    }
}

/// The body of an update.
#[derive(Debug)]
pub struct JobChange;

document!(JobChange, "JobChange", JobDraft::schema_of_change());

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use proptest::prelude::*;
    use serde_json::json;
    use shared_types::{JobId, RunRules, SecretId, SizeTable};
    use store::jobs::JobDefinition;

    use super::*;

    fn catalog() -> Catalog {
        let regions = vec!["north".to_owned(), "south".to_owned()];
        Catalog::new(regions, SizeTable::default(), Duration::from_secs(1)).unwrap()
    }

    fn job(fields: &Value) -> Job {
        let mut body = json!({
            "name": "n", "command": "c", "docker_image_repo": "i", "timeout": 5, "retries": 1,
            "schedule_mode": "R/2040-01-01T00:00:00Z/PT1H", "runtime_vars": { "A": "b" },
            "secret_vars": { "S": "1", "T": "2" },
        });
        let fields = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        let draft = JobDraft::parse(body.as_object().unwrap(), &catalog()).unwrap();
        let definition = draft.into_job("me", "ann", vec![SecretId(1), SecretId(2)]);
        Job {
            id: JobId(146),
            definition,
            schedule_anchor: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn change(job: &Job, body: &Value) -> Result<JobDefinition, Vec<String>> {
        match JobDraft::change(job, body.as_object().unwrap(), &catalog()) {
            Ok(draft) => {
                let sealed = (7..)
                    .map(SecretId)
                    .take(draft.new_secrets().len())
                    .collect();
                Ok(draft.into_job("me", "ann", sealed))
            }
            Err(ApiError::Invalid(errors)) => {
                Err(errors.into_iter().map(|error| error.field).collect())
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let job = job(&json!({}));
        let mut expected = job.definition.clone();
        assert_eq!(change(&job, &json!({})).unwrap(), expected);
        expected.spec.image_tag = "2".to_owned();
        let body = json!({ "docker_image_tag": "2", "command": null, "runtime_vars": null });
        assert_eq!(change(&job, &body).unwrap(), expected);
    }

    #[test]
    fn null_clears_what_can_be_empty() {
        let body = json!({ "schedule_mode": null, "timeout": null, "retries": null });
        let changed = change(&job(&json!({})), &body).unwrap();
        assert_eq!(changed.schedule_mode, None);
        assert_eq!(changed.spec.rules, RunRules::default());
    }

    #[test]
    fn variables_are_replaced_as_a_whole_and_null_keeps_a_secret() {
        let job = job(&json!({}));
        let body = json!({ "runtime_vars": { "B": "" }, "secret_vars": { "S": null, "U": "3" } });
        let spec = change(&job, &body).unwrap().spec;
        assert_eq!(spec.vars, [("B".to_owned(), String::new())].into());
        let expected = [("S", 1), ("U", 7)].map(|(name, id)| (name.to_owned(), SecretId(id)));
        assert_eq!(spec.secret_vars, expected.into());
        let none = change(&job, &json!({ "secret_vars": {} })).unwrap();
        assert!(none.spec.secret_vars.is_empty());
    }

    #[test]
    fn the_result_is_checked_as_a_whole() {
        let active = job(&json!({ "is_schedule_active": true }));
        for (body, field) in [
            (json!({ "schedule_mode": null }), "schedule_mode"),
            (json!({ "runtime_vars": { "S": "" } }), "runtime_vars.S"),
            (json!({ "namespace": "other" }), "namespace"),
            (json!({ "colour": null }), "colour"),
            (json!({ "region_name": "west" }), "region_name"),
        ] {
            assert_eq!(change(&active, &body).unwrap_err(), [field]);
        }
        assert!(change(&active, &json!({ "namespace": "me", "id": 7 })).is_ok());
    }

    proptest! {
        #[test]
        fn what_get_answered_changes_nothing(
            name in "[a-zé ]{0,9}x", command in "[a-z ]{0,20}", var in ".{0,20}",
            active in any::<bool>(), size in "XXS|XS|S|M|L|XL", timeout in 1..=604_800_u32,
        ) {
            let var = var.replace('\0', "");
            let job = job(&json!({
                "name": name, "command": command, "runtime_vars": { "V": var }, "timeout": timeout,
                "is_schedule_active": active, "resource_size": size, "region_name": "south",
            }));
            let answer = json!(JobView::new(&job, DateTime::UNIX_EPOCH));
            prop_assert_eq!(change(&job, &answer), Ok(job.definition));
        }
    }
}
