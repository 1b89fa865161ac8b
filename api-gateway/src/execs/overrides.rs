//! What a trigger may ask to differ from its job.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use shared_types::{Command, ExecSpec};
use utoipa::openapi::ObjectBuilder;

use crate::catalog::Catalog;
use crate::jobs::fields;
use crate::jobs::image;
use crate::jobs::variables;
use crate::openapi::types::document;
use crate::read::fields::{FieldError, Fields};

/// The fields of a trigger's body; kept with the exec as they were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Command>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_image_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_size: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    runtime_vars: BTreeMap<String, String>,
}

impl Overrides {
    /// Reads a trigger's body; `None` if it asks for nothing.
    pub fn parse(
        body: &Map<String, Value>,
        catalog: &Catalog,
    ) -> Result<Option<Self>, Vec<FieldError>> {
        let overrides = Fields::read(body, |fields| Self::read(fields, catalog))?;
        Ok((overrides != Self::default()).then_some(overrides))
    }

    fn read(fields: &mut Fields<'_>, catalog: &Catalog) -> Option<Self> {
        let command = fields.optional("command", fields::command());
        let docker_image_tag = fields.optional("docker_image_tag", image::tag());
        let resource_size = fields.optional("resource_size", catalog.size());
        let runtime_vars = variables::runtime_vars(fields);
        Some(Self {
            command: command?,
            docker_image_tag: docker_image_tag?,
            resource_size: resource_size?,
            runtime_vars: runtime_vars?,
        })
    }

    fn schema_of_new() -> ObjectBuilder {
        Fields::schema(|fields| Self::read(fields, &Catalog::default()))
            .description(Some(
                "What shall differ from the job; variables are added or replaced",
            ))
            .examples([json!({ "command": ["sh", "-c", "echo once more"] })])
    }

    /// What of this is more than the job offers: another program, a variable that
    /// it does not declare, or one that is secret. Many a variable decides what a
    /// program runs (`BASH_ENV`, `LD_PRELOAD`, `NODE_OPTIONS`), and what is run with
    /// a job's secrets can read them.
    pub fn beyond(&self, job: &ExecSpec) -> Option<String> {
        let is_offered =
            |name: &&String| job.vars.contains_key(*name) && !job.secret_vars.contains_key(*name);
        let program = [
            self.command.as_ref().map(|_| "command"),
            self.docker_image_tag.as_ref().map(|_| "docker_image_tag"),
        ];
        let program = program.into_iter().flatten().map(str::to_owned);
        let variable = self.runtime_vars.keys().find(|name| !is_offered(name));
        let variable = variable.map(|name| format!("runtime_vars.{name}"));
        program.chain(variable).next()
    }

    /// The job's spec, differing as was asked. A plain variable takes the place
    /// of a secret one of its name.
    pub fn apply(&self, mut spec: ExecSpec) -> Result<ExecSpec, Vec<FieldError>> {
        let asked = self.clone();
        spec.command = asked.command.unwrap_or(spec.command);
        if let Some(tag) = asked.docker_image_tag {
            // It names the image now, also where the job's digest did.
            if let Some(digest) = spec.image_repo.find('@') {
                spec.image_repo.truncate(digest);
            }
            spec.image_tag = tag;
        }
        spec.size = asked.resource_size.unwrap_or(spec.size);
        spec.secret_vars
            .retain(|name, _| !asked.runtime_vars.contains_key(name));
        spec.vars.extend(asked.runtime_vars);
        variables::check(&spec.vars, &spec.secret_vars)?;
        Ok(spec)
    }
}

document!(Overrides, "Overrides", Self::schema_of_new());

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;
    use shared_types::{RunRules, SecretId, SizeTable};

    use super::*;

    fn parse(body: &Value) -> Result<Option<Overrides>, Vec<FieldError>> {
        let catalog = Catalog::new(
            vec!["north".to_owned()],
            SizeTable::default(),
            Duration::from_secs(1),
        )
        .unwrap();
        Overrides::parse(body.as_object().unwrap(), &catalog)
    }

    fn spec() -> ExecSpec {
        ExecSpec {
            command: Command::Text("c".to_owned()),
            image_repo: "i".to_owned(),
            image_tag: "1".to_owned(),
            size: "XS".to_owned(),
            vars: [("A".to_owned(), "a".to_owned())].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [("S".to_owned(), SecretId(1)), ("T".to_owned(), SecretId(2))].into(),
            rules: RunRules {
                timeout: Some(5),
                ..RunRules::default()
            },
        }
    }

    #[test]
    fn nothing_asked_is_a_plain_trigger() {
        for body in [json!({}), json!({ "command": null, "runtime_vars": {} })] {
            assert_eq!(parse(&body), Ok(None));
        }
    }

    #[test]
    fn what_is_asked_differs_and_the_rest_stays() {
        let body = json!({
            "command": ["d"], "docker_image_tag": "2", "resource_size": "XL",
            "runtime_vars": { "B": "b", "S": "plain" },
        });
        let overrides = parse(&body).unwrap().unwrap();
        assert_eq!(json!(overrides), body, "it is kept as it was asked");
        let applied = overrides.apply(spec()).unwrap();
        assert_eq!(applied.command, Command::Words(vec!["d".to_owned()]));
        assert_eq!(
            (applied.image(), applied.size),
            ("i:2".to_owned(), "XL".to_owned())
        );
        let vars = [("A", "a"), ("B", "b"), ("S", "plain")];
        assert_eq!(
            applied.vars,
            vars.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
        assert_eq!(applied.secret_vars, [("T".to_owned(), SecretId(2))].into());
        assert_eq!(applied.rules.timeout, Some(5));
    }

    #[test]
    fn another_tag_takes_the_place_of_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pinned = ExecSpec {
            image_repo: format!("r.io/i@{digest}"),
            image_tag: String::new(),
            ..spec()
        };
        let applied = |body| {
            parse(&body)
                .unwrap()
                .unwrap()
                .apply(pinned.clone())
                .unwrap()
        };
        assert_eq!(
            applied(json!({ "docker_image_tag": "2" })).image(),
            "r.io/i:2"
        );
        let other = digest.replace('0', "1");
        let image = applied(json!({ "docker_image_tag": other })).image();
        assert_eq!(image, format!("r.io/i@{other}"));
        let image = applied(json!({ "command": "x" })).image();
        assert_eq!(image, format!("r.io/i@{digest}"));
    }

    #[test]
    fn more_than_the_job_offers_is_named() {
        for (body, beyond) in [
            (
                json!({ "resource_size": "XL", "runtime_vars": { "A": "b" } }),
                None,
            ),
            (json!({ "command": "d" }), Some("command")),
            (json!({ "docker_image_tag": "2" }), Some("docker_image_tag")),
            (
                json!({ "runtime_vars": { "A": "b", "BASH_ENV": "x" } }),
                Some("runtime_vars.BASH_ENV"),
            ),
            (
                json!({ "runtime_vars": { "S": "known" } }),
                Some("runtime_vars.S"),
            ),
        ] {
            let found = parse(&body).unwrap().unwrap().beyond(&spec());
            assert_eq!(found.as_deref(), beyond, "{body}");
        }
    }

    #[test]
    fn all_errors_come_at_once_and_the_whole_is_bounded() {
        let errors = parse(&json!({
            "command": 1, "docker_image_tag": "", "resource_size": "?", "runtime_vars": [],
            "docker_image_repo": "other", "secret_vars": {},
        }));
        assert_eq!(errors.unwrap_err().len(), 6);
        let many = (0..255)
            .map(|n| (format!("V{n}"), json!("")))
            .collect::<Value>();
        let overrides = parse(&json!({ "runtime_vars": many })).unwrap().unwrap();
        assert_eq!(
            overrides.apply(spec()).unwrap_err()[0].field,
            "runtime_vars"
        );
    }

    proptest! {
        #[test]
        fn any_object_is_read_or_refused(
            command in "[a-z' ]{0,9}", tag in ".{0,9}", var in ".{0,9}", other in ".{0,9}",
        ) {
            let body = json!({
                "command": command, "docker_image_tag": tag, "runtime_vars": { var: "" }, other: 1,
            });
            match parse(&body) {
                Ok(overrides) => prop_assert!(overrides.unwrap_or_default().apply(spec()).is_ok()),
                Err(errors) => prop_assert!(!errors.is_empty()),
            }
        }
    }
}
