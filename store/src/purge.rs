//! What is old or deleted goes: found by an index and removed in small batches, each a
//! transaction of the caller's. Nothing that runs, or whose log is not stored, is touched.
//! Replicas may meet: what one has taken the other does not find.

mod execs;
mod jobs;
mod logs;

pub use execs::{Expired, Purged, deleted, excess, expired, remove};
pub use jobs::{OldJob, delete_job, delete_slots, deleted_jobs, page};
pub use logs::{OldLogs, old_logs};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{JobId, SecretId};

use crate::StoreError;
use crate::schema::tokens;
use crate::statement::statement;

/// Removes tokens that nobody can use since before this instant; says how many.
pub async fn delete_tokens(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let useless = tokens::revoked_at
        .lt(before)
        .or(tokens::expires_at.lt(before));
    let rows = diesel::delete(tokens::table).filter(useless.assume_not_null());
    Ok(rows.execute(conn).await?)
}

statement! {
    SecretsQuery {
        ids: Vec<i64> as Array<BigInt>,
        job: i64 as BigInt,
        job_of_execs: i64 as BigInt,
    } -> BigInt = "
        WITH gone AS (
            DELETE FROM secrets WHERE secrets.id = ANY (?)
                AND NOT EXISTS (SELECT FROM jobs WHERE jobs.id = ? AND EXISTS (
                    SELECT FROM jsonb_each(jobs.spec -> 'secret_vars') named
                    WHERE named.value = to_jsonb(secrets.id)))
                AND NOT EXISTS (SELECT FROM execs WHERE execs.job_id = ? AND EXISTS (
                    SELECT FROM jsonb_each(execs.spec -> 'secret_vars') named
                    WHERE named.value = to_jsonb(secrets.id)))
            RETURNING 1
        )
        SELECT count(*) FROM gone";
}

/// Removes secrets of a job that neither it nor an exec of it names any more.
async fn delete_secrets(
    conn: &mut AsyncPgConnection,
    job: JobId,
    ids: &[SecretId],
) -> Result<(), StoreError> {
    let query = SecretsQuery {
        ids: ids.iter().map(|id| id.0).collect(),
        job: job.0,
        job_of_execs: job.0,
    };
    let _: i64 = query.get_result(conn).await?;
    Ok(())
}
