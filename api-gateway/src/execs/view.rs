//! The JSON of execs: the field names, letters and times of the 2015 API. Fields it did
//! not have are additions that a 2015 client ignores.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use shared_types::{Command, ExecId, JobId, Reason};
use store::execs::Exec;

use crate::jobs::view::SecretNames;
use crate::reply::timestamp::Timestamp;

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
