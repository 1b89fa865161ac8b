//! The Job of an attempt: which one was created, and that it is gone.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::ExecId;
use uuid::Uuid;

use super::{Applied, lock};
use crate::StoreError;
use crate::schema::exec_attempts;
use crate::statement::statement;

/// The Job that was created for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MadeJob {
    /// Whose.
    pub exec: ExecId,
    /// The attempt's number.
    pub attempt: i32,
    /// The Job's uid.
    pub uid: String,
}

statement! {
    RecordJobs {
        execs: Vec<Uuid> as Array<SqlUuid>,
        attempts: Vec<i32> as Array<Integer>,
        uids: Vec<String> as Array<Text>,
    } -> (SqlUuid, Integer, Text) =
        "UPDATE exec_attempts SET job_uid = made.uid
            FROM unnest(?, ?, ?) AS made (exec_id, attempt, uid)
            WHERE exec_attempts.exec_id = made.exec_id
                AND exec_attempts.attempt = made.attempt
                AND (exec_attempts.job_uid IS NULL OR exec_attempts.job_uid = made.uid)
            RETURNING made.exec_id, made.attempt, made.uid";
}

/// Stores the uids of attempts' Jobs. Too late for each that has another uid stored.
pub async fn record_jobs(
    conn: &mut AsyncPgConnection,
    jobs: &[MadeJob],
) -> Result<Vec<Applied>, StoreError> {
    // Two that record the same Jobs lock them in the same order.
    let ordered: BTreeSet<_> = jobs.iter().collect();
    let statement = RecordJobs {
        execs: ordered.iter().map(|job| job.exec.0).collect(),
        attempts: ordered.iter().map(|job| job.attempt).collect(),
        uids: ordered.iter().map(|job| job.uid.clone()).collect(),
    };
    let rows: Vec<(Uuid, i32, String)> = statement.load(conn).await?;
    let stored = rows.into_iter().map(|(exec, attempt, uid)| MadeJob {
        exec: ExecId(exec),
        attempt,
        uid,
    });
    let stored: BTreeSet<_> = stored.collect();
    let applied = |job| Applied::from_rows(usize::from(stored.contains(job)));
    Ok(jobs.iter().map(applied).collect())
}

/// The Job of this uid is gone and none of its pods was claimed, so another
/// may be created under the same name.
pub async fn forget_job(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    job_uid: &str,
) -> Result<Applied, StoreError> {
    if lock(conn, exec).await?.is_none() {
        return Ok(Applied::TooLate);
    }
    let rows = diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .filter(exec_attempts::job_uid.eq(job_uid))
        .filter(exec_attempts::pod_uid.is_null())
        .set(exec_attempts::job_uid.eq(None::<String>))
        .execute(conn)
        .await?;
    Ok(Applied::from_rows(rows))
}
