//! The JSON of the 2015 API: its field names, letters, and times. Fields it did
//! not have are additions that a 2015 client ignores.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use shared_types::{Command, ExecId, JobId, Reason, SecretId};
use store::execs::Exec;
use store::jobs::Job;

use crate::schedules::view::ScheduleView;

/// An instant as `2015-12-28T14:31:07.639255+00:00`, always with six digits.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

/// Secret variables as `{"NAME": null}`: that they are there is no secret.
#[derive(Debug, Clone, Copy)]
struct SecretNames<'a>(&'a BTreeMap<String, SecretId>);

impl Serialize for SecretNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name, ())))
    }
}

/// A list's page.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    /// Rows of the whole list, or as many of them as were counted.
    pub count: i64,
    /// Whether all were counted.
    pub count_is_exact: bool,
    /// Absolute URL of the page before.
    pub previous: Option<String>,
    /// Absolute URL of the page after.
    pub next: Option<String>,
    /// The page.
    pub results: Vec<T>,
}

impl<T> Envelope<T> {
    /// A list that is one page.
    pub fn whole(results: Vec<T>) -> Self {
        Self {
            count: i64::try_from(results.len()).unwrap_or(i64::MAX),
            count_is_exact: true,
            previous: None,
            next: None,
            results,
        }
    }
}

/// A region that execs can run in.
#[derive(Debug, Serialize)]
pub struct RegionView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Whether it is that of jobs that name none.
    pub is_default: bool,
}

/// What a size grants, in Kubernetes quantities.
#[derive(Debug, Serialize)]
pub struct SizeView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Cores, or thousandths of one.
    pub cpu: &'a str,
    /// Bytes.
    pub memory: &'a str,
    /// Bytes of the node's disk, where they are limited.
    pub disk: Option<&'a str>,
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

/// An exec; `job` is the job's number in lists and the job itself in a detail.
#[derive(Debug, Serialize)]
pub struct ExecView<'a, J> {
    id: ExecId,
    job: J,
    status: &'static str,
    trigger_mode: &'static str,
    created_by: &'a str,
    command: &'a Command,
    docker_image_repo: &'a str,
    docker_image_tag: &'a str,
    resource_size: &'a str,
    region_name: &'a str,
    runtime_vars: &'a BTreeMap<String, String>,
    secret_vars: SecretNames<'a>,
    timeout: Option<u32>,
    retries: Option<u32>,
    overrides: Option<&'a Value>,
    rerun_of: Option<ExecId>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    duration: Option<Duration>,
    reason: Option<Reason>,
    message: Option<&'a str>,
    exit_code: Option<i32>,
    attempt: i32,
    slot_at: Option<Timestamp>,
    cancel_requested_at: Option<Timestamp>,
}

impl<'a, J> ExecView<'a, J> {
    /// The exec beside a form of its job.
    pub fn new(exec: &'a Exec, job: J) -> Self {
        let spec = &exec.spec;
        Self {
            id: exec.id,
            job,
            status: exec.state.letter(),
            trigger_mode: exec.trigger_mode.letter(),
            created_by: &exec.created_by,
            command: &spec.command,
            docker_image_repo: &spec.image_repo,
            docker_image_tag: &spec.image_tag,
            resource_size: &spec.size,
            region_name: &exec.region,
            runtime_vars: &spec.vars,
            secret_vars: SecretNames(&spec.secret_vars),
            timeout: spec.timeout,
            retries: spec.retries,
            overrides: exec.overrides.as_ref(),
            rerun_of: exec.rerun_of,
            created_at: Timestamp(exec.created_at),
            started_at: exec.started_at.map(Timestamp),
            ended_at: exec.ended_at.map(Timestamp),
            duration: Duration::of(exec),
            reason: exec.reason,
            message: exec.message.as_deref(),
            exit_code: exec.exit_code,
            attempt: exec.attempt,
            slot_at: exec.slot_at.map(Timestamp),
            cancel_requested_at: exec.cancel_requested_at.map(Timestamp),
        }
    }
}

impl<'a> From<&'a Exec> for ExecView<'a, JobId> {
    fn from(exec: &'a Exec) -> Self {
        Self::new(exec, exec.job_id)
    }
}

/// How long the program ran, in whole seconds; hours are not cut at a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Duration {
    hours: i64,
    minutes: i64,
    seconds: i64,
}

impl Duration {
    fn of(exec: &Exec) -> Option<Self> {
        let seconds = (exec.ended_at? - exec.started_at?).num_seconds().max(0);
        Some(Self {
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
        })
    }
}

#[cfg(test)]
mod tests;
