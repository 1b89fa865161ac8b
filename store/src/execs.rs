//! `execs`: one row a run. Who triggers writes the intent columns here; what
//! becomes of the run is the executor's to write.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::sql_types::{SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecSpec, ExecState, JobId, Reason, TriggerMode};
use uuid::Uuid;

use crate::StoreError;
use crate::page::{Page, load_page};
use crate::schema::{execs, jobs};

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

/// A client's wish to run a job now.
#[derive(Debug, Clone)]
pub struct ManualTrigger {
    /// The id the exec will have.
    pub id: ExecId,
    /// The job to run.
    pub job_id: JobId,
    /// The namespace the job must belong to.
    pub namespace: String,
    /// The account that asks.
    pub created_by: String,
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
    /// Where it is in its life.
    pub state: ExecState,
    /// Why it is there.
    pub reason: Option<Reason>,
    /// The same for people.
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
            let spec = serde_json::to_value(&exec.spec)
                .map_err(|error| QueryError::SerializationError(error.into()))?;
            Ok((
                execs::id.eq(exec.id.0),
                execs::job_id.eq(exec.job_id.0),
                execs::namespace.eq(&exec.namespace),
                execs::region.eq(&exec.region),
                execs::shard.eq(i16::from(exec.id.shard().number())),
                execs::trigger_mode.eq(exec.trigger_mode.letter()),
                execs::slot_at.eq(exec.slot_at),
                execs::created_by.eq(&exec.created_by),
                execs::spec.eq(spec),
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    diesel::insert_into(execs::table)
        .values(rows)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes an exec of the job as it is at this moment, in one statement, so
/// that a caller who goes away leaves all of it or nothing. `None` if the
/// namespace has no such job.
pub async fn trigger(
    conn: &mut AsyncPgConnection,
    trigger: &ManualTrigger,
) -> Result<Option<Exec>, StoreError> {
    let row: Option<ExecRow> = jobs::table
        .filter(jobs::id.eq(trigger.job_id.0))
        .filter(jobs::namespace.eq(&trigger.namespace))
        .filter(jobs::deleted_at.is_null())
        .select((
            trigger.id.0.into_sql::<SqlUuid>(),
            jobs::id,
            jobs::namespace,
            jobs::region,
            i16::from(trigger.id.shard().number()).into_sql::<SmallInt>(),
            TriggerMode::Manual.letter().into_sql::<Text>(),
            trigger.created_by.as_str().into_sql::<Text>(),
            jobs::spec,
        ))
        .insert_into(execs::table)
        .into_columns((
            execs::id,
            execs::job_id,
            execs::namespace,
            execs::region,
            execs::shard,
            execs::trigger_mode,
            execs::created_by,
            execs::spec,
        ))
        .returning(ExecRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(Exec::try_from).transpose()
}

/// An exec of this job.
pub async fn get(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: ExecId,
) -> Result<Option<Exec>, StoreError> {
    let row: Option<ExecRow> = execs::table
        .filter(execs::id.eq(id.0))
        .filter(execs::job_id.eq(job.0))
        .select(ExecRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Exec::try_from).transpose()
}

/// Execs of a job, newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    job: JobId,
    page: Page<ExecId>,
) -> Result<Vec<Exec>, StoreError> {
    let query = execs::table
        .filter(execs::job_id.eq(job.0))
        .select(ExecRow::as_select())
        .into_boxed();
    let rows: Vec<ExecRow> = load_page!(query, execs::id, page, conn)?;
    rows.into_iter().map(Exec::try_from).collect()
}

/// How many execs the job has.
pub async fn count(conn: &mut AsyncPgConnection, job: JobId) -> Result<i64, StoreError> {
    let count = execs::table
        .filter(execs::job_id.eq(job.0))
        .count()
        .get_result(conn)
        .await?;
    Ok(count)
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
