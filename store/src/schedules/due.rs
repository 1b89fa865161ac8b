//! What a firing reads and writes: due schedules, locked, and what their execs
//! are made of.

use chrono::{DateTime, Utc};
use diesel::dsl::{array_position, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecSpec, JobId};

use super::{Row, Schedule};
use crate::StoreError;
use crate::schema::{execs, jobs, schedules};

/// A planned instant to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upcoming {
    /// When.
    pub at: DateTime<Utc>,
    /// Whose.
    pub job_id: JobId,
}

/// What an exec made by a schedule takes from its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTemplate {
    /// The job.
    pub job_id: JobId,
    /// Its namespace.
    pub namespace: String,
    /// The region its execs run in.
    pub region: String,
    /// On whose behalf.
    pub created_by: String,
    /// What to run.
    pub spec: ExecSpec,
}

/// The earliest planned instants up to `until`, earliest first.
pub async fn upcoming(
    conn: &mut AsyncPgConnection,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Upcoming>, StoreError> {
    let rows: Vec<(DateTime<Utc>, i64)> = schedules::table
        .filter(schedules::active)
        .filter(schedules::observed_generation.eq(schedules::generation))
        .filter(schedules::next_at.le(until))
        .order(schedules::next_at)
        .limit(limit)
        .select((schedules::next_at.assume_not_null(), schedules::job_id))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(at, job)| Upcoming {
            at,
            job_id: JobId(job),
        })
        .collect())
}

/// Locks these schedules until the transaction ends and reads them as they are
/// then. Always in the same order, so two callers never wait for each other.
pub async fn lock(
    conn: &mut AsyncPgConnection,
    jobs: &[JobId],
) -> Result<Vec<Schedule>, StoreError> {
    let rows: Vec<Row> = schedules::table
        .filter(schedules::job_id.eq_any(numbers(jobs)))
        .order(schedules::job_id)
        .for_update()
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Schedule::from).collect())
}

/// Moves locked schedules on to their next instants, in one statement.
pub async fn advance(
    conn: &mut AsyncPgConnection,
    moves: &[(JobId, Option<DateTime<Utc>>)],
) -> Result<(), StoreError> {
    let (jobs, next): (Vec<i64>, Vec<_>) = moves.iter().map(|(job, next)| (job.0, *next)).unzip();
    let position = array_position::<Array<BigInt>, BigInt, _, _>(jobs.clone(), schedules::job_id)
        .assume_not_null();
    let next = next
        .into_sql::<Array<Nullable<Timestamptz>>>()
        .index(position);
    diesel::update(schedules::table.filter(schedules::job_id.eq_any(jobs)))
        .set(schedules::next_at.eq(next))
        .execute(conn)
        .await?;
    Ok(())
}

/// Which of these jobs have an exec that has not ended, whoever triggered it.
pub async fn with_open_exec(
    conn: &mut AsyncPgConnection,
    jobs: &[JobId],
) -> Result<Vec<JobId>, StoreError> {
    let open: Vec<i64> = execs::table
        .filter(execs::job_id.eq_any(numbers(jobs)))
        // Literal, so that every plan can use the index of open execs.
        .filter(sql::<Bool>("state IN ('waiting', 'running')"))
        .select(execs::job_id)
        .distinct()
        .load(conn)
        .await?;
    Ok(open.into_iter().map(JobId).collect())
}

/// What to run for these jobs; deleted ones are left out.
pub async fn run_templates(
    conn: &mut AsyncPgConnection,
    jobs: &[JobId],
) -> Result<Vec<RunTemplate>, StoreError> {
    let rows: Vec<(i64, String, String, String, serde_json::Value)> = jobs::table
        .filter(jobs::id.eq_any(numbers(jobs)))
        .filter(jobs::deleted_at.is_null())
        .select((
            jobs::id,
            jobs::namespace,
            jobs::region,
            jobs::created_by,
            jobs::spec,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(id, namespace, region, created_by, spec)| {
            // The value may hold secrets, so the error names the row instead.
            let spec = serde_json::from_value(spec).map_err(|_| StoreError::Unknown {
                what: "form of spec in job",
                value: id.to_string(),
            })?;
            Ok(RunTemplate {
                job_id: JobId(id),
                namespace,
                region,
                created_by,
                spec,
            })
        })
        .collect()
}

fn numbers(jobs: &[JobId]) -> Vec<i64> {
    jobs.iter().map(|job| job.0).collect()
}
