//! Execs whose logs may hold lines of a time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId};
use uuid::Uuid;

use super::ExecKey;
use crate::StoreError;

/// How long before the first line somebody wants an exec may have been triggered.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// Whose execs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Those of a job.
    Job(JobId),
    /// Those of all jobs of a namespace.
    Namespace(String),
}

/// An exec that may have lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the order, the newest first.
    pub key: ExecKey,
    /// Its job.
    pub job: JobId,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    job_id: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

/// The newest execs up to `last` that may have lines from `since` to `until`. Each job is
/// asked by its own index, so that a namespace needs none.
pub async fn logged(
    conn: &mut AsyncPgConnection,
    owner: &Owner,
    (since, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    last: Option<ExecKey>,
    limit: usize,
) -> Result<Vec<Logged>, StoreError> {
    let (job, namespace) = match owner {
        Owner::Job(job) => (Some(job.0), None),
        Owner::Namespace(namespace) => (None, Some(namespace)),
    };
    let earliest = since.and_then(|since| since.checked_sub_signed(LONGEST));
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT exec.id, exec.job_id, exec.created_at
         FROM jobs JOIN LATERAL (
             SELECT id, job_id, created_at FROM execs
             WHERE job_id = jobs.id AND deleted_at IS NULL
                 AND ($3 IS NULL OR created_at >= $3)
                 AND ($4 IS NULL OR ended_at IS NULL OR ended_at >= $4)
                 AND ($5 IS NULL OR created_at < $5)
                 AND ($6 IS NULL OR (created_at, id) <= ($6, $7))
             ORDER BY created_at DESC, id DESC
             LIMIT $8
         ) exec ON true
         WHERE (jobs.id = $1 OR jobs.namespace = $2) AND jobs.deleted_at IS NULL
         ORDER BY exec.created_at DESC, exec.id DESC
         LIMIT $8",
    )
    .bind::<Nullable<BigInt>, _>(job)
    .bind::<Nullable<Text>, _>(namespace)
    .bind::<Nullable<Timestamptz>, _>(earliest)
    // A node's clock may be behind, and it tells ends in whole seconds.
    .bind::<Nullable<Timestamptz>, _>(since.map(|since| since - TimeDelta::minutes(1)))
    .bind::<Nullable<Timestamptz>, _>(until)
    .bind::<Nullable<Timestamptz>, _>(last.map(|(at, _)| at))
    .bind::<Nullable<SqlUuid>, _>(last.map(|(_, exec)| exec.0))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(conn)
    .await?;
    let logged = rows.into_iter().map(|row| Logged {
        key: (row.created_at, ExecId(row.id)),
        job: JobId(row.job_id),
    });
    Ok(logged.collect())
}
