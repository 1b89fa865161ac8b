//! The JSON of jobs: the field names, letters and times of the 2015 API. Fields it did
//! not have are additions that a 2015 client ignores.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use shared_types::{Command, ExecSpec, JobId, SecretId};
use store::jobs::Job;
use utoipa::ToSchema;

use super::example::job;
use super::fields::{self, job_id};
use super::image;
use super::run::RunRulesView;
use super::variables::{runtime_schema, secret_schema};
use crate::openapi::types::{null, or_null, schemas};
use crate::read::names::{name_schema, namespace_schema};
use crate::reply::timestamp::Timestamp;
use crate::schedules;
use crate::schedules::view::ScheduleView;

/// Secret variables as `{"NAME": null}`: that they are there is no secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretNames<'a>(pub &'a BTreeMap<String, SecretId>);

impl Serialize for SecretNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name, ())))
    }
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job, examples(job))]
pub struct JobView<'a> {
    #[schema(schema_with = job_id)]
    id: JobId,
    #[schema(schema_with = name_schema)]
    name: &'a str,
    #[schema(schema_with = namespace)]
    namespace: &'a str,
    /// The account that made it.
    created_by: &'a str,
    #[serde(flatten)]
    #[schema(inline)]
    spec: SpecView<'a>,
    #[schema(required, schema_with = max_running)]
    max_running: Option<u32>,
    /// Whether it runs on time.
    is_schedule_active: bool,
    #[schema(required, schema_with = schedule_mode)]
    schedule_mode: Option<&'a str>,
    #[serde(flatten)]
    #[schema(inline)]
    schedule: ScheduleView<'a>,
    /// Kept and shown; sends nothing yet.
    email_enabled: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// What is run: the same in jobs and execs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpecView<'a> {
    #[schema(required, schema_with = entrypoint)]
    entrypoint: Option<&'a [String]>,
    #[schema(schema_with = command)]
    command: &'a Command,
    #[schema(schema_with = image_repo)]
    docker_image_repo: &'a str,
    #[schema(schema_with = image_tag)]
    docker_image_tag: &'a str,
    /// Name of a size.
    resource_size: &'a str,
    /// Name of a region.
    region_name: &'a str,
    #[schema(schema_with = runtime_schema)]
    runtime_vars: &'a BTreeMap<String, String>,
    #[schema(schema_with = secret_names)]
    secret_vars: SecretNames<'a>,
    #[schema(schema_with = log_proof)]
    log_proof: bool,
    #[serde(flatten)]
    #[schema(inline)]
    rules: RunRulesView<'a>,
}

schemas! {
    namespace = namespace_schema("The account it belongs to");
    max_running = or_null(fields::max_running().schema());
    schedule_mode = or_null(schedules::fields::mode().schema());
    entrypoint = or_null(fields::entrypoint().schema());
    command = fields::command().schema();
    log_proof = fields::log_proof().schema();
    image_repo = image::repository().schema();
    image_tag = image::tag_beside(true).schema();
    secret_names = secret_schema(null());
}

impl<'a> SpecView<'a> {
    /// A spec, which runs in a region.
    pub fn new(spec: &'a ExecSpec, region: &'a str) -> Self {
        Self {
            entrypoint: Some(&spec.entrypoint[..]).filter(|words| !words.is_empty()),
            command: &spec.command,
            docker_image_repo: &spec.image_repo,
            docker_image_tag: &spec.image_tag,
            resource_size: &spec.size,
            region_name: region,
            runtime_vars: &spec.vars,
            secret_vars: SecretNames(&spec.secret_vars),
            log_proof: spec.log_proof,
            rules: RunRulesView::from(&spec.rules),
        }
    }
}

impl<'a> JobView<'a> {
    /// A job, seen now.
    pub fn new(job: &'a Job, now: DateTime<Utc>) -> Self {
        let definition = &job.definition;
        Self {
            id: job.id,
            name: &definition.name,
            namespace: &definition.namespace,
            created_by: &definition.created_by,
            spec: SpecView::new(&definition.spec, &definition.region),
            max_running: definition.max_running,
            is_schedule_active: definition.schedule_active,
            schedule_mode: definition.schedule_mode.as_deref(),
            schedule: ScheduleView::new(job, now),
            email_enabled: definition.email_enabled,
            created_at: Timestamp(job.created_at),
            updated_at: Timestamp(job.updated_at),
        }
    }
}
