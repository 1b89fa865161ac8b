//! A job as a client describes it, checked: the only way to one is
//! [`JobDraft::parse`] or [`JobDraft::change`].

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_types::{ExecSpec, ScheduleRules, SecretId};
use store::jobs::JobDefinition;
use utoipa::openapi::ObjectBuilder;

use crate::catalog::Catalog;
use crate::jobs::fields;
use crate::jobs::image;
use crate::jobs::run;
use crate::jobs::variables::{self, Secret};
use crate::openapi::types::document;
use crate::read::fields::{FieldError, Fields};
use crate::read::names;
use crate::read::rule::{Rule, boolean};
use crate::schedules::draft::ScheduleDraft;

/// What an answer has and a request need not: sent back, it is ignored.
const READ_ONLY: [(&str, &str); 6] = [
    ("id", "given by the service"),
    ("created_by", "the account of the token"),
    ("created_at", "given by the service"),
    ("updated_at", "given by the service"),
    ("next_runs", "follows from the other fields"),
    ("effective_schedule", "follows from the other fields"),
];

/// What a job that is changed lends to its new form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub namespace: &'a str,
    pub secrets: &'a BTreeMap<String, SecretId>,
}

/// A job that can be kept, once it is known whose it is and its secrets are
/// sealed.
#[derive(Debug, Clone)]
pub struct JobDraft {
    namespace: Option<String>,
    name: String,
    region: String,
    /// Without its secret variables.
    spec: ExecSpec,
    secrets: BTreeMap<String, Secret>,
    max_running: Option<u32>,
    email_enabled: bool,
    schedule: ScheduleDraft,
}

impl JobDraft {
    /// Reads the body of a create request.
    pub fn parse(body: &Map<String, Value>, catalog: &Catalog) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, |fields| Self::read(fields, catalog, None))
    }

    /// Reads a job from all of its fields.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        catalog: &Catalog,
        stored: Option<Stored<'_>>,
    ) -> Option<Self> {
        for (name, why) in READ_ONLY {
            fields.ignored(name, why);
        }
        let name = fields.required("name", names::name());
        let namespace = fields.optional("namespace", namespace(stored));
        let region = fields.defaulting("region_name", catalog.region(), || {
            Ok(catalog.default_region().to_owned())
        });
        let email = boolean("Kept and shown; sends nothing yet");
        let email_enabled = fields.defaulting("email_enabled", email, || Ok(false));
        let max_running = fields.optional("max_running", fields::max_running());
        let schedule = ScheduleDraft::read(fields, catalog);
        let spec = read_spec(fields, catalog);
        let secrets = variables::secret_vars(fields, stored.map(|stored| stored.secrets));
        if let (Some(spec), Some(secrets)) = (&spec, &secrets)
            && let Err(errors) = variables::check(&spec.vars, secrets)
        {
            for error in errors {
                fields.refuse(&error.field, error.message);
            }
        }
        Some(Self {
            namespace: namespace?,
            name: name?,
            region: region?,
            spec: spec?,
            secrets: secrets?,
            max_running: max_running?,
            email_enabled: email_enabled?,
            schedule: schedule?,
        })
    }

    fn schema_of_new() -> ObjectBuilder {
        // A proof needs to know what is started, an active schedule a text; utoipa has no
        // `anyOf` beside properties.
        let proved = json!([
            { "properties": { "log_proof": { "enum": [false, null] } } },
            { "required": ["entrypoint"], "properties": { "entrypoint": { "type": "array" } } },
        ]);
        let timed = json!([
            {
                "properties": { "is_schedule_active": { "enum": [false, null] } },
                "anyOf": proved,
            },
            {
                "required": ["schedule_mode"],
                "properties": { "schedule_mode": { "type": "string" } },
                "anyOf": proved,
            },
        ]);
        Fields::schema(|fields| Self::read(fields, &Catalog::default(), None))
            .extensions(Some([("anyOf", timed)].into_iter().collect()))
            .description(Some(
                "A job to make. `null` is the same as leaving a field out",
            ))
            .examples([json!({
                "name": "test",
                "command": "bash",
                "docker_image_repo": "registry.example.com/chennanfei/job_image",
                "docker_image_tag": "latest",
                "resource_size": "XXS",
                "is_schedule_active": false,
                "schedule_mode": null,
                "runtime_vars": { "DB_HOST": "localhost" },
            })])
    }

    /// The namespace the client named, if it did.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// When it is to run.
    pub fn schedule(&self) -> &ScheduleDraft {
        &self.schedule
    }

    /// The rules of its schedule, for the dates of its calendars to be filled in.
    pub(crate) fn rules_mut(&mut self) -> &mut ScheduleRules {
        &mut self.schedule.rules
    }

    /// The values to be sealed, in the order of their names.
    pub fn new_secrets(&self) -> Vec<SecretString> {
        let new = self.secrets.values().filter_map(|secret| match secret {
            Secret::New(value) => Some(value.clone()),
            Secret::Kept(_) => None,
        });
        new.collect()
    }

    /// The job to keep, in a namespace that the caller may use, with the
    /// numbers that [`Self::new_secrets`] were given.
    pub fn into_job(
        self,
        namespace: &str,
        created_by: &str,
        sealed: Vec<SecretId>,
    ) -> JobDefinition {
        let mut sealed = sealed.into_iter();
        let ids = self.secrets.into_iter().filter_map(|(name, secret)| {
            let id = match secret {
                Secret::Kept(id) => Some(id),
                Secret::New(_) => sealed.next(),
            };
            Some((name, id?))
        });
        JobDefinition {
            namespace: namespace.to_owned(),
            name: self.name,
            created_by: created_by.to_owned(),
            region: self.region,
            spec: ExecSpec {
                secret_vars: ids.collect(),
                ..self.spec
            },
            max_running: self.max_running,
            email_enabled: self.email_enabled,
            schedule_mode: self.schedule.mode,
            schedule_rules: self.schedule.rules,
            schedule_active: self.schedule.active,
        }
    }
}

document!(JobDraft, "NewJob", Self::schema_of_new());

/// A new job may be of any namespace, a stored one of its own only.
fn namespace(stored: Option<Stored<'_>>) -> Rule<'_, String> {
    let Some(Stored { namespace: own, .. }) = stored else {
        return names::namespace("The account it shall belong to; the caller's own if left out");
    };
    let schema = || names::namespace_schema("May only be what it is");
    Rule::text(schema, move |name| {
        if own == name {
            return Ok(name.to_owned());
        }
        Err(format!("is \"{own}\" and cannot be changed"))
    })
}

fn read_spec(fields: &mut Fields<'_>, catalog: &Catalog) -> Option<ExecSpec> {
    let entrypoint = fields.optional("entrypoint", fields::entrypoint());
    let command = fields.required("command", fields::command());
    let log_proof = fields.defaulting("log_proof", fields::log_proof(), || Ok(false));
    if let (Some(None), Some(true)) = (&entrypoint, log_proof) {
        fields.refuse(
            "log_proof",
            "needs `entrypoint`: what the image's own ENTRYPOINT starts is not known, so \
             nothing can be put before it",
        );
    }
    let image_repo = fields.required("docker_image_repo", image::repository());
    let pinned = image_repo.as_ref().is_some_and(|repo| repo.contains('@'));
    let image_tag = fields.defaulting("docker_image_tag", image::tag_beside(pinned), || {
        Ok(if pinned { "" } else { "latest" }.to_owned())
    });
    let size = catalog.size();
    let size = fields.defaulting("resource_size", size, || catalog.find_size("XS"));
    let vars = variables::runtime_vars(fields);
    let rules = run::read(fields);
    Some(ExecSpec {
        entrypoint: entrypoint?.unwrap_or_default(),
        command: command?,
        image_repo: image_repo?,
        image_tag: image_tag?,
        size: size?,
        vars: vars?,
        secret_vars: BTreeMap::new(),
        log_proof: log_proof?,
        rules: rules?,
    })
}

#[cfg(test)]
mod tests;
