//! Old entries of the ledger, and jobs that were deleted.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecSpec, JobId, SecretId};

use super::delete_secrets;
use crate::StoreError;
use crate::schema::{backfills, exec_counts, execs, jobs, schedule_history, schedules, slots};
use crate::statement::statement;

/// A job whose past may be old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldJob {
    /// The job.
    pub id: JobId,
    /// Whose it is.
    pub namespace: String,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The next jobs by number after this one, deleted ones among them.
pub async fn page(
    conn: &mut AsyncPgConnection,
    after: JobId,
    limit: i64,
) -> Result<Vec<OldJob>, StoreError> {
    let rows: Vec<(i64, String, Option<DateTime<Utc>>)> = jobs::table
        .filter(jobs::id.gt(after.0))
        .order(jobs::id)
        .limit(limit)
        .select((jobs::id, jobs::namespace, jobs::deleted_at))
        .load(conn)
        .await?;
    let jobs = rows.into_iter().map(|(id, namespace, deleted_at)| OldJob {
        id: JobId(id),
        namespace,
        deleted_at,
    });
    Ok(jobs.collect())
}

statement! {
    /// The newest entry of an edit and of a backfill stays: the scheduler goes on from it.
    SlotsQuery {
        jobs: Vec<i64> as Array<BigInt>,
        cutoffs: Vec<DateTime<Utc>> as Array<Timestamptz>,
        each: i64 as BigInt,
        limit: i64 as BigInt,
    } -> BigInt = "
        WITH old AS (
            SELECT entry.* FROM unnest(?, ?) AS job (id, cutoff) CROSS JOIN LATERAL (
                SELECT job_id, first_at, generation, backfill_id FROM slots
                WHERE slots.job_id = job.id AND slots.first_at < job.cutoff
                    AND slots.last_at < job.cutoff AND slots.outcome <> 'queued'
                    AND EXISTS (
                        SELECT FROM slots newer
                        WHERE newer.job_id = slots.job_id AND newer.first_at > slots.first_at
                            AND newer.generation = slots.generation
                            AND newer.backfill_id = slots.backfill_id
                            AND (newer.reason IS NULL
                                OR newer.reason NOT IN ('excluded', 'dst_gap'))
                    )
                ORDER BY slots.first_at LIMIT ?
            ) entry LIMIT ?
        ), gone AS (
            DELETE FROM slots USING old
            WHERE (slots.job_id, slots.first_at, slots.generation, slots.backfill_id)
                = (old.job_id, old.first_at, old.generation, old.backfill_id)
            RETURNING 1
        )
        SELECT count(*) FROM gone";
}

/// Removes entries of the ledgers of these jobs that lie before an instant, `limit` at
/// most; says how many.
pub async fn delete_slots(
    conn: &mut AsyncPgConnection,
    old: &[(JobId, DateTime<Utc>)],
    limit: i64,
) -> Result<usize, StoreError> {
    let query = SlotsQuery {
        jobs: old.iter().map(|(job, _)| job.0).collect(),
        cutoffs: old.iter().map(|(_, before)| *before).collect(),
        each: limit,
        limit,
    };
    let gone: i64 = query.get_result(conn).await?;
    Ok(usize::try_from(gone).unwrap_or_default())
}

/// Jobs that were deleted before this instant and have no exec left; `limit` at most.
pub async fn deleted_jobs(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<JobId>, StoreError> {
    let has_execs = diesel::dsl::exists(execs::table.filter(execs::job_id.eq(jobs::id)));
    let ids: Vec<i64> = jobs::table
        .filter(jobs::deleted_at.lt(before))
        .filter(diesel::dsl::not(has_execs))
        .order(jobs::deleted_at)
        .limit(limit)
        .select(jobs::id)
        .load(conn)
        .await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Removes a job that was deleted and has no exec, with everything that is its own; its
/// ledger `limit` entries at a time. Says whether it is gone.
pub async fn delete_job(
    conn: &mut AsyncPgConnection,
    job: JobId,
    limit: i64,
) -> Result<bool, StoreError> {
    let entries = slots::table.filter(slots::job_id.eq(job.0));
    let some: Vec<DateTime<Utc>> = entries
        .select(slots::first_at)
        .order(slots::first_at)
        .limit(limit)
        .load(conn)
        .await?;
    if let Some(last) = some.last() {
        let gone = entries.filter(slots::first_at.le(last));
        diesel::delete(gone).execute(conn).await?;
        return Ok(false);
    }
    let spec: Option<serde_json::Value> = jobs::table
        .find(job.0)
        .select(jobs::spec)
        .first(conn)
        .await
        .optional()?;
    diesel::delete(backfills::table.filter(backfills::job_id.eq(job.0)))
        .execute(conn)
        .await?;
    diesel::delete(schedule_history::table.filter(schedule_history::job_id.eq(job.0)))
        .execute(conn)
        .await?;
    diesel::delete(schedules::table.find(job.0))
        .execute(conn)
        .await?;
    diesel::delete(exec_counts::table.filter(exec_counts::job_id.eq(job.0)))
        .execute(conn)
        .await?;
    diesel::delete(jobs::table.find(job.0))
        .execute(conn)
        .await?;
    let spec = spec.and_then(|spec| serde_json::from_value::<ExecSpec>(spec).ok());
    let secrets: Vec<SecretId> = spec
        .map(|spec| spec.secret_vars.into_values().collect())
        .unwrap_or_default();
    if !secrets.is_empty() {
        delete_secrets(conn, job, &secrets).await?;
    }
    Ok(true)
}
