//! A job as a client describes it, checked: the only way to one is
//! [`JobDraft::parse`] or [`JobDraft::change`].

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value};
use shared_types::{ExecSpec, ScheduleRules, SecretId};
use store::jobs::{Job, NewJob};

use crate::catalog::Catalog;
use crate::jobs::fields;
use crate::jobs::image;
use crate::jobs::variables::{self, Secret};
use crate::read::fields::{FieldError, Fields, boolean, text};
use crate::read::names;
use crate::schedules::fields::ScheduleDraft;

/// What an answer has and a request need not: sent back, it is ignored.
const READ_ONLY: [&str; 6] = [
    "id",
    "created_by",
    "created_at",
    "updated_at",
    "next_runs",
    "effective_schedule",
];

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
    email_enabled: bool,
    schedule: ScheduleDraft,
}

impl JobDraft {
    /// Reads the body of a create request.
    pub fn parse(body: &Map<String, Value>, catalog: &Catalog) -> Result<Self, Vec<FieldError>> {
        Self::read(body, catalog, None)
    }

    /// Reads a job from all of its fields. What it is to replace lends it its
    /// namespace and stored secrets.
    pub(crate) fn read(
        body: &Map<String, Value>,
        catalog: &Catalog,
        stored: Option<&Job>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(body);
        for name in READ_ONLY {
            fields.value(name);
        }
        let name = fields.required("name", text(names::name));
        let namespace = fields.optional("namespace", || Ok(None), text(|name| of(stored, name)));
        let region = fields.optional(
            "region_name",
            || Ok(catalog.default_region().to_owned()),
            text(|name| catalog.region(name)),
        );
        let email_enabled = fields.optional("email_enabled", || Ok(false), boolean);
        let schedule = ScheduleDraft::read(&mut fields, catalog);
        let spec = parse_spec(&mut fields, catalog);
        let none = BTreeMap::new();
        let kept = stored.map_or(&none, |job| &job.definition.spec.secret_vars);
        let secrets = variables::secret_vars(&mut fields, kept);
        if let (Some(spec), Some(secrets)) = (&spec, &secrets)
            && let Err(errors) = variables::check(&spec.vars, secrets)
        {
            for error in errors {
                fields.refuse(&error.field, error.message);
            }
        }
        let draft = || {
            Some(Self {
                namespace: namespace?,
                name: name?,
                region: region?,
                spec: spec?,
                secrets: secrets?,
                email_enabled: email_enabled?,
                schedule: schedule?,
            })
        };
        fields.finish(draft())
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
    pub fn into_job(self, namespace: &str, created_by: &str, sealed: Vec<SecretId>) -> NewJob {
        let mut sealed = sealed.into_iter();
        let ids = self.secrets.into_iter().filter_map(|(name, secret)| {
            let id = match secret {
                Secret::Kept(id) => Some(id),
                Secret::New(_) => sealed.next(),
            };
            Some((name, id?))
        });
        NewJob {
            namespace: namespace.to_owned(),
            name: self.name,
            created_by: created_by.to_owned(),
            region: self.region,
            spec: ExecSpec {
                secret_vars: ids.collect(),
                ..self.spec
            },
            email_enabled: self.email_enabled,
            schedule_mode: self.schedule.mode,
            schedule_rules: self.schedule.rules,
            schedule_active: self.schedule.active,
        }
    }
}

/// A new job may be of any namespace, a stored one of its own only.
fn of(stored: Option<&Job>, name: &str) -> Result<Option<String>, String> {
    match stored.map(|job| &job.definition.namespace) {
        Some(own) if own == name => Ok(Some(name.to_owned())),
        Some(own) => Err(format!("is \"{own}\" and cannot be changed")),
        None => names::namespace(name).map(Some),
    }
}

fn parse_spec(fields: &mut Fields<'_>, catalog: &Catalog) -> Option<ExecSpec> {
    let command = fields.required("command", fields::command);
    let image_repo = fields.required("docker_image_repo", text(image::repository));
    let pinned = image_repo.as_ref().is_some_and(|repo| repo.contains('@'));
    let image_tag = fields.optional(
        "docker_image_tag",
        || Ok(if pinned { "" } else { "latest" }.to_owned()),
        text(|tag| image::tag_beside(pinned, tag)),
    );
    let size = fields.optional(
        "resource_size",
        || catalog.size("XS"),
        text(|name| catalog.size(name)),
    );
    let vars = variables::runtime_vars(fields);
    let timeout = fields.optional("timeout", || Ok(None), fields::timeout);
    let retries = fields.optional("retries", || Ok(None), fields::retries);
    Some(ExecSpec {
        command: command?,
        image_repo: image_repo?,
        image_tag: image_tag?,
        size: size?,
        vars: vars?,
        secret_vars: BTreeMap::new(),
        timeout: timeout?,
        retries: retries?,
    })
}

#[cfg(test)]
mod tests;
