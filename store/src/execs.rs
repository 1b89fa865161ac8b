//! `execs`: one row a run. Who triggers writes the intent columns here; what
//! becomes of the run is the executor's to write.

mod list;
mod logged;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::sql_types::{Nullable, SmallInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecSpec, ExecState, JobId, Reason, TriggerMode};
use uuid::Uuid;

mod attempts;
mod cancel;
mod together;
mod trigger;
mod waiting;

pub use attempts::{AttemptReport, LogReport, attempts};
pub use cancel::{
    Cancelled, Triggered, cancel_open, cancel_waiting, delete, has_open, open_among, request_cancel,
};
pub use together::{PlainTrigger, Written, trigger_together};
pub use trigger::{ManualExec, ManualTrigger, insert_manual, trigger};
pub use waiting::{AttemptWait, QueuedWait, Wait, waiting};

use crate::StoreError;
use crate::schedules::Candidate;
use crate::schema::{execs, jobs};
use crate::slots::Fired;

pub use list::{ExecFilter, ExecKey, count, list};
pub use logged::{Logged, Owner, logged};

/// An exec to be run; it waits from the moment its row is committed.
#[derive(Debug, Clone)]
pub struct NewExec {
    /// Chosen by whoever triggers, so that it can be announced.
    pub id: ExecId,
    /// The job it is a run of.
    pub job_id: JobId,
    /// The job's namespace.
    pub namespace: String,
    /// The region that will run it.
    pub region: String,
    /// Who asked.
    pub trigger_mode: TriggerMode,
    /// The planned instant; exactly the scheduled ones have one.
    pub slot_at: Option<DateTime<Utc>>,
    /// Account on whose behalf it runs.
    pub created_by: String,
    /// The job as it is now.
    pub spec: ExecSpec,
}

/// An exec as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Its id.
    pub id: ExecId,
    /// The job it is a run of.
    pub job_id: JobId,
    /// The region that runs it.
    pub region: String,
    /// Who asked for it.
    pub trigger_mode: TriggerMode,
    /// The planned instant of a scheduled one.
    pub slot_at: Option<DateTime<Utc>>,
    /// Account on whose behalf it runs.
    pub created_by: String,
    /// When it was triggered.
    pub created_at: DateTime<Utc>,
    /// The job as it was then.
    pub spec: ExecSpec,
    /// What the trigger asked to differ from the job, as it was asked.
    pub overrides: Option<serde_json::Value>,
    /// The exec it repeats, which may be gone.
    pub rerun_of: Option<ExecId>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Where it is in its life.
    pub state: ExecState,
    /// Why it is there.
    pub reason: Option<Reason>,
    /// The reason in a sentence, for people.
    pub message: Option<String>,
    /// The program's exit code, where it had one.
    pub exit_code: Option<i32>,
    /// The current attempt, from 1; 0 before the first.
    pub attempt: i32,
    /// When the program of the last attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When the exec ended.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = execs)]
struct ExecRow {
    id: Uuid,
    job_id: i64,
    region: String,
    trigger_mode: String,
    slot_at: Option<DateTime<Utc>>,
    created_by: String,
    created_at: DateTime<Utc>,
    spec: serde_json::Value,
    overrides: Option<serde_json::Value>,
    rerun_of: Option<Uuid>,
    cancel_requested_at: Option<DateTime<Utc>>,
    state: String,
    reason: Option<String>,
    message: Option<String>,
    exit_code: Option<i32>,
    attempt: i32,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

/// Writes new execs, all or none.
pub async fn insert(conn: &mut AsyncPgConnection, new: &[NewExec]) -> Result<(), StoreError> {
    let rows = new
        .iter()
        .map(|exec| {
            Ok((
                execs::id.eq(exec.id.0),
                execs::job_id.eq(exec.job_id.0),
                execs::namespace.eq(&exec.namespace),
                execs::region.eq(&exec.region),
                execs::shard.eq(i16::from(exec.id.shard().number())),
                execs::trigger_mode.eq(exec.trigger_mode.letter()),
                execs::slot_at.eq(exec.slot_at),
                execs::created_by.eq(&exec.created_by),
                execs::spec.eq(spec_value(&exec.spec)?),
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    diesel::insert_into(execs::table)
        .values(rows)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes an exec of a schedule, made of its job as it is now; none if the job
/// was deleted.
pub async fn insert_scheduled(
    conn: &mut AsyncPgConnection,
    job: JobId,
    candidate: &Candidate,
) -> Result<Option<Fired>, StoreError> {
    let id = candidate.exec_id;
    let made: Option<(i64, Uuid, String)> = jobs::table
        .filter(jobs::id.eq(job.0))
        .filter(jobs::deleted_at.is_null())
        .select((
            id.0.into_sql::<diesel::sql_types::Uuid>(),
            jobs::id,
            jobs::namespace,
            jobs::region,
            i16::from(id.shard().number()).into_sql::<SmallInt>(),
            TriggerMode::Scheduled.letter().into_sql::<Text>(),
            Some(candidate.slot_at).into_sql::<Nullable<Timestamptz>>(),
            jobs::created_by,
            jobs::spec,
            candidate.lane.as_str().into_sql::<Text>(),
        ))
        .insert_into(execs::table)
        .into_columns((
            execs::id,
            execs::job_id,
            execs::namespace,
            execs::region,
            execs::shard,
            execs::trigger_mode,
            execs::slot_at,
            execs::created_by,
            execs::spec,
            execs::lane,
        ))
        .returning((execs::job_id, execs::id, execs::region))
        .get_result(conn)
        .await
        .optional()?;
    Ok(made.map(Fired::from))
}

/// How long the programs of a job's last execs ran, newest first.
pub async fn last_durations(
    conn: &mut AsyncPgConnection,
    job: JobId,
    limit: i64,
) -> Result<Vec<TimeDelta>, StoreError> {
    let spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = execs::table
        .filter(execs::job_id.eq(job.0))
        .filter(execs::deleted_at.is_null())
        .filter(execs::started_at.is_not_null())
        .filter(execs::ended_at.is_not_null())
        .order((execs::created_at.desc(), execs::id.desc()))
        .limit(limit)
        .select((
            execs::started_at.assume_not_null(),
            execs::ended_at.assume_not_null(),
        ))
        .load(conn)
        .await?;
    Ok(spans.into_iter().map(|(from, to)| to - from).collect())
}

/// A spec as it is kept.
pub(crate) fn spec_value(spec: &ExecSpec) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(spec).map_err(|error| QueryError::SerializationError(error.into()).into())
}

/// An exec of this job, unless it was deleted.
pub async fn get(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: ExecId,
) -> Result<Option<Exec>, StoreError> {
    let row: Option<ExecRow> = execs::table
        .filter(execs::id.eq(id.0))
        .filter(execs::job_id.eq(job.0))
        .filter(execs::deleted_at.is_null())
        .select(ExecRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Exec::try_from).transpose()
}

impl TryFrom<ExecRow> for Exec {
    type Error = StoreError;

    fn try_from(row: ExecRow) -> Result<Self, StoreError> {
        let unknown = |what, value: &str| StoreError::Unknown {
            what,
            value: value.to_owned(),
        };
        let reason = row.reason.as_deref();
        Ok(Self {
            id: ExecId(row.id),
            job_id: JobId(row.job_id),
            region: row.region,
            trigger_mode: TriggerMode::parse(&row.trigger_mode)
                .ok_or_else(|| unknown("trigger mode", &row.trigger_mode))?,
            slot_at: row.slot_at,
            created_by: row.created_by,
            created_at: row.created_at,
            // The value may hold secrets, so the error names the row instead.
            spec: serde_json::from_value(row.spec)
                .map_err(|_| unknown("form of spec in exec", &row.id.to_string()))?,
            overrides: row.overrides,
            rerun_of: row.rerun_of.map(ExecId),
            cancel_requested_at: row.cancel_requested_at,
            state: ExecState::parse(&row.state).ok_or_else(|| unknown("state", &row.state))?,
            reason: reason
                .map(|word| Reason::parse(word).ok_or_else(|| unknown("reason", word)))
                .transpose()?,
            message: row.message,
            exit_code: row.exit_code,
            attempt: row.attempt,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}
