//! What the scheduler reads of schedules that it planned.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use shared_types::{JobId, ScheduleRules, Shards};

use super::{Row, Schedule, read_rules};
use crate::StoreError;
use crate::schema::{jobs, schedules, slots};
use crate::slots::QUEUED;

/// A planned schedule with all that a firing needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// Whose it is.
    pub job_id: JobId,
    /// The job's namespace.
    pub namespace: String,
    /// When to look at it.
    pub due_at: DateTime<Utc>,
    /// The first planned instant that nothing became of yet.
    pub next_at: DateTime<Utc>,
    /// Which edit this is.
    pub generation: i64,
    /// Its text.
    pub mode: String,
    /// How the text is read and what its instants do.
    pub rules: ScheduleRules,
    /// Where a text without a start begins.
    pub anchor: DateTime<Utc>,
}

type UpcomingRow = (
    i64,
    String,
    DateTime<Utc>,
    DateTime<Utc>,
    i64,
    String,
    Value,
    DateTime<Utc>,
);

/// Which planned schedules to read.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Those of these shards that are due after the first instant, if it is
    /// given, and not after the second; the earliest ones, up to a number.
    Due(Shards, Option<DateTime<Utc>>, DateTime<Utc>, i64),
    /// Those of these jobs.
    Jobs(&'a [JobId]),
}

/// Planned schedules that are to fire, earliest first.
pub async fn upcoming(
    conn: &mut AsyncPgConnection,
    wanted: Wanted<'_>,
) -> Result<Vec<Upcoming>, StoreError> {
    let mut query = schedules::table
        .inner_join(jobs::table)
        .filter(schedules::active)
        .filter(schedules::observed_generation.eq(schedules::generation))
        .filter(schedules::due_at.is_not_null())
        .order(schedules::due_at)
        .select((
            schedules::job_id,
            jobs::namespace,
            schedules::due_at.assume_not_null(),
            schedules::next_at.assume_not_null(),
            schedules::generation,
            schedules::mode.assume_not_null(),
            schedules::rules,
            schedules::anchor,
        ))
        .into_boxed();
    query = match wanted {
        Wanted::Due(shards, after, until, limit) => {
            let query = query
                .filter(schedules::shard.eq_any(shards.numbers()))
                .filter(schedules::due_at.le(until))
                .limit(limit);
            match after {
                Some(after) => query.filter(schedules::due_at.gt(after)),
                None => query,
            }
        }
        Wanted::Jobs(wanted) => query.filter(schedules::job_id.eq_any(numbers(wanted))),
    };
    let rows: Vec<UpcomingRow> = query.load(conn).await?;
    rows.into_iter()
        .map(
            |(job, namespace, due_at, next_at, generation, mode, rules, anchor)| {
                let job_id = JobId(job);
                Ok(Upcoming {
                    job_id,
                    namespace,
                    due_at,
                    next_at,
                    generation,
                    mode,
                    rules: read_rules(rules, job_id)?,
                    anchor,
                })
            },
        )
        .collect()
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
    rows.into_iter().map(Schedule::try_from).collect()
}

/// A job's schedule as it stands.
pub async fn get(conn: &mut AsyncPgConnection, job: JobId) -> Result<Option<Schedule>, StoreError> {
    let row: Option<Row> = schedules::table
        .find(job.0)
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Schedule::try_from).transpose()
}

/// Whether an instant of these shards waits for an earlier exec to end.
pub async fn has_queue(conn: &mut AsyncPgConnection, shards: Shards) -> Result<bool, StoreError> {
    let waiting = slots::table
        .inner_join(schedules::table.on(schedules::job_id.eq(slots::job_id)))
        .filter(sql::<Bool>(QUEUED))
        .filter(schedules::shard.eq_any(shards.numbers()));
    Ok(diesel::select(diesel::dsl::exists(waiting))
        .get_result(conn)
        .await?)
}

pub(super) fn numbers(jobs: &[JobId]) -> Vec<i64> {
    jobs.iter().map(|job| job.0).collect()
}
