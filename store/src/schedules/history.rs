//! What earlier generations of a schedule said.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use shared_types::JobId;

use super::due::numbers;
use super::{Revision, read_rules};
use crate::StoreError;
use crate::schema::schedule_history;

type Row = (
    i64,
    i64,
    Option<String>,
    Value,
    DateTime<Utc>,
    bool,
    DateTime<Utc>,
);

/// What a generation of a job's schedule said, the newest or an earlier one.
pub async fn revision(
    conn: &mut AsyncPgConnection,
    job: JobId,
    generation: i64,
) -> Result<Option<Revision>, StoreError> {
    let newest = super::get(conn, job)
        .await?
        .map(|schedule| schedule.revision);
    if let Some(newest) = newest.filter(|newest| newest.generation == generation) {
        return Ok(Some(newest));
    }
    let earlier = superseded(conn, &[job]).await?;
    let mut earlier = earlier.into_iter().map(|(_, revision)| revision);
    Ok(earlier.find(|revision| revision.generation == generation))
}

/// Every generation of these jobs' schedules that was replaced, oldest first.
pub async fn superseded(
    conn: &mut AsyncPgConnection,
    jobs: &[JobId],
) -> Result<Vec<(JobId, Revision)>, StoreError> {
    let rows: Vec<Row> = schedule_history::table
        .filter(schedule_history::job_id.eq_any(numbers(jobs)))
        .order((schedule_history::job_id, schedule_history::generation))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(
            |(job, generation, mode, rules, anchor, active, effective_from)| {
                let job = JobId(job);
                let revision = Revision {
                    generation,
                    mode,
                    rules: read_rules(rules, job)?,
                    anchor,
                    active,
                    effective_from,
                };
                Ok((job, revision))
            },
        )
        .collect()
}
