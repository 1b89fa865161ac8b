//! The JSON of execs: the field names, letters and times of the 2015 API. Fields it did
//! not have are additions that a 2015 client ignores.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared_types::{ExecId, ExecState, JobId};
use store::execs::{Exec, Wait};
use store::jobs::Job;
use utoipa::ToSchema;
use utoipa::openapi;

use super::example::{exec, exec_detail};
use super::outcome::OutcomeView;
use super::phase::WaitingView;
use crate::jobs::fields::job_id;
use crate::jobs::view::{JobView, SpecView};
use crate::openapi::types::{self, or_null, schemas};
use crate::reply::timestamp::Timestamp;

/// An exec beside the number of its job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Exec, examples(exec))]
pub struct ExecView<'a> {
    #[schema(schema_with = exec_id)]
    id: ExecId,
    #[schema(schema_with = job_id)]
    job: JobId,
    #[serde(flatten)]
    #[schema(inline)]
    run: RunView<'a>,
}

impl<'a> From<&'a Exec> for ExecView<'a> {
    fn from(exec: &'a Exec) -> Self {
        Self {
            id: exec.id,
            job: exec.job_id,
            run: RunView::from(exec),
        }
    }
}

/// An exec with its job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecDetail, examples(exec_detail))]
pub struct ExecDetail<'a> {
    #[schema(schema_with = exec_id)]
    id: ExecId,
    job: JobView<'a>,
    #[serde(flatten)]
    #[schema(inline)]
    run: RunView<'a>,
    /// What keeps it from running, or from ending; `null` while nothing does.
    #[schema(required, inline)]
    waiting: Option<WaitingView>,
}

impl<'a> ExecDetail<'a> {
    /// An exec, its job and what it waits for, seen now.
    pub fn new((exec, job): (&'a Exec, &'a Job), wait: Option<&Wait>, now: DateTime<Utc>) -> Self {
        Self {
            id: exec.id,
            job: JobView::new(job, now),
            run: RunView::from(exec),
            waiting: wait.map(|wait| WaitingView::new((exec, job), wait, now)),
        }
    }
}

/// What there is to say of an exec.
#[derive(Debug, Serialize, ToSchema)]
struct RunView<'a> {
    #[schema(schema_with = status)]
    status: &'static str,
    #[schema(schema_with = trigger_mode)]
    trigger_mode: &'static str,
    /// The account that triggered it.
    created_by: &'a str,
    #[serde(flatten)]
    #[schema(inline)]
    spec: SpecView<'a>,
    /// What its trigger asked to differ from the job.
    #[schema(required, value_type = Option<Object>)]
    overrides: Option<&'a Value>,
    #[schema(required, schema_with = rerun_of)]
    rerun_of: Option<ExecId>,
    /// When it was triggered.
    created_at: Timestamp,
    #[serde(flatten)]
    #[schema(inline)]
    outcome: OutcomeView<'a>,
    /// Attempts so far.
    #[schema(minimum = 0)]
    attempt: i32,
    /// The planned instant it ran for.
    #[schema(required)]
    slot_at: Option<Timestamp>,
    /// Since when it is to end.
    #[schema(required)]
    cancel_requested_at: Option<Timestamp>,
}

schemas! {
    exec_id = id_schema("Id of the exec");
    status = types::word(
        ExecState::ALL.map(ExecState::letter),
        "Waiting, running, succeeded, failed, cancelled, or lost",
    );
    trigger_mode = types::word(["M", "S"], "By hand, or on time");
    rerun_of = or_null(id_schema("The exec it runs again"));
}

/// An exec's id.
pub fn id_schema(description: &str) -> openapi::Object {
    types::format("uuid", description, "64b2d045-2881-4293-9bcd-bdc04b953115")
}

impl<'a> From<&'a Exec> for RunView<'a> {
    fn from(exec: &'a Exec) -> Self {
        Self {
            status: exec.state.letter(),
            trigger_mode: exec.trigger_mode.letter(),
            created_by: &exec.created_by,
            spec: SpecView::new(&exec.spec, &exec.region),
            overrides: exec.overrides.as_ref(),
            rerun_of: exec.rerun_of,
            created_at: Timestamp(exec.created_at),
            outcome: OutcomeView::new(
                (exec.started_at, exec.ended_at),
                (exec.reason, exec.message.as_deref()),
                exec.exit_code,
            ),
            attempt: exec.attempt,
            slot_at: exec.slot_at.map(Timestamp),
            cancel_requested_at: exec.cancel_requested_at.map(Timestamp),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
