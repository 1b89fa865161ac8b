//! The JSON of jobs: the field names, letters and times of the 2015 API. Fields it did
//! not have are additions that a 2015 client ignores.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use shared_types::{Command, JobId, SecretId};
use store::jobs::Job;

use crate::reply::timestamp::Timestamp;
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
#[derive(Debug, Serialize)]
pub struct JobView<'a> {
    id: JobId,
    name: &'a str,
    namespace: &'a str,
    created_by: &'a str,
    command: &'a Command,
    docker_image_repo: &'a str,
    docker_image_tag: &'a str,
    resource_size: &'a str,
    region_name: &'a str,
    is_schedule_active: bool,
    schedule_mode: Option<&'a str>,
    #[serde(flatten)]
    schedule: ScheduleView<'a>,
    runtime_vars: &'a BTreeMap<String, String>,
    secret_vars: SecretNames<'a>,
    timeout: Option<u32>,
    retries: Option<u32>,
    email_enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> JobView<'a> {
    /// A job, seen now.
    pub fn new(job: &'a Job, now: DateTime<Utc>) -> Self {
        let definition = &job.definition;
        let spec = &definition.spec;
        Self {
            id: job.id,
            name: &definition.name,
            namespace: &definition.namespace,
            created_by: &definition.created_by,
            command: &spec.command,
            docker_image_repo: &spec.image_repo,
            docker_image_tag: &spec.image_tag,
            resource_size: &spec.size,
            region_name: &definition.region,
            is_schedule_active: definition.schedule_active,
            schedule_mode: definition.schedule_mode.as_deref(),
            schedule: ScheduleView::new(job, now),
            runtime_vars: &spec.vars,
            secret_vars: SecretNames(&spec.secret_vars),
            timeout: spec.timeout,
            retries: spec.retries,
            email_enabled: definition.email_enabled,
            created_at: Timestamp(job.created_at),
            updated_at: Timestamp(job.updated_at),
        }
    }
}
