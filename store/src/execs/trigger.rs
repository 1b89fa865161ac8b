//! Execs that a client asks for.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::trace::Traceparent;
use shared_types::{ExecId, ExecSpec, JobId, TriggerMode};

use super::{Exec, ExecRow, spec_value};
use crate::StoreError;
use crate::schema::{execs, jobs};

/// A client's wish to run a job now.
#[derive(Debug, Clone)]
pub struct ManualTrigger {
    /// The id the exec will have.
    pub id: ExecId,
    /// The job to run.
    pub job_id: JobId,
    /// The account that asks.
    pub created_by: String,
    /// Where its request is in a trace.
    pub traceparent: Option<Traceparent>,
}

/// An exec that differs from its job as it is now.
#[derive(Debug, Clone)]
pub struct ManualExec {
    /// Who wants which job to run.
    pub trigger: ManualTrigger,
    /// The job's namespace.
    pub namespace: String,
    /// The region that will run it.
    pub region: String,
    /// What to run.
    pub spec: ExecSpec,
    /// What was asked to differ from the job, as it was asked.
    pub overrides: Option<serde_json::Value>,
    /// The exec it repeats.
    pub rerun_of: Option<ExecId>,
}

/// Writes an exec of the job as it is at this moment, in one statement: the
/// plain trigger is the busiest write. `None` if there is no such job, or no
/// longer: a deletion waits for this, or this for it.
pub async fn trigger(
    conn: &mut AsyncPgConnection,
    trigger: &ManualTrigger,
) -> Result<Option<Exec>, StoreError> {
    let row: Option<ExecRow> = jobs::table
        .filter(jobs::id.eq(trigger.job_id.0))
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
            text(trigger.traceparent).into_sql::<Nullable<Text>>(),
        ))
        .for_share()
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
            execs::traceparent,
        ))
        .returning(ExecRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(Exec::try_from).transpose()
}

/// Writes an exec of a job that the caller's transaction holds.
pub async fn insert_manual(
    conn: &mut AsyncPgConnection,
    new: &ManualExec,
) -> Result<Exec, StoreError> {
    let trigger = &new.trigger;
    let row: ExecRow = diesel::insert_into(execs::table)
        .values((
            execs::id.eq(trigger.id.0),
            execs::job_id.eq(trigger.job_id.0),
            execs::namespace.eq(&new.namespace),
            execs::region.eq(&new.region),
            execs::shard.eq(i16::from(trigger.id.shard().number())),
            execs::trigger_mode.eq(TriggerMode::Manual.letter()),
            execs::created_by.eq(&trigger.created_by),
            execs::spec.eq(spec_value(&new.spec)?),
            execs::overrides.eq(&new.overrides),
            execs::rerun_of.eq(new.rerun_of.map(|exec| exec.0)),
            execs::traceparent.eq(text(trigger.traceparent)),
        ))
        .returning(ExecRow::as_returning())
        .get_result(conn)
        .await?;
    row.try_into()
}

pub(super) fn text(traceparent: Option<Traceparent>) -> Option<String> {
    traceparent.map(|traceparent| traceparent.to_string())
}
