//! New generations: which there are, and what was made of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{JobId, Shards};

use super::firing::Range;
use super::{Revision, Row, Schedule, superseded};
use crate::StoreError;
use crate::schema::schedules;
use crate::slots::CancelReason;
use crate::statement::statement;

/// What the scheduler made of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose schedule it is.
    pub job_id: JobId,
    /// The generation that was read.
    pub generation: i64,
    /// The one that had been observed before.
    pub observed_generation: i64,
    /// Its first instant, if there is one.
    pub next_at: Option<DateTime<Utc>>,
    /// When to look at it first.
    pub due_at: Option<DateTime<Utc>>,
    /// Why its text cannot be followed, for people.
    pub error: Option<String>,
    /// What became of the instants of earlier generations.
    pub settled: Vec<Range>,
    /// Why instants of earlier generations wait no more.
    pub unqueued: CancelReason,
}

/// Schedules of these shards with a generation that was not planned yet, each
/// with the generations that came before it, from the one observed last.
pub async fn changed(
    conn: &mut AsyncPgConnection,
    shards: Shards,
    limit: i64,
) -> Result<Vec<(Schedule, Vec<Revision>)>, StoreError> {
    let rows: Vec<Row> = schedules::table
        .filter(schedules::observed_generation.ne(schedules::generation))
        .filter(schedules::shard.eq_any(shards.numbers()))
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    let changed = rows
        .into_iter()
        .map(Schedule::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    let edited: Vec<JobId> = changed
        .iter()
        .filter(|schedule| schedule.revision.generation > 1)
        .map(|schedule| schedule.job_id)
        .collect();
    let mut earlier: HashMap<JobId, Vec<Revision>> = HashMap::new();
    if !edited.is_empty() {
        for (job, revision) in superseded(conn, &edited).await? {
            earlier.entry(job).or_default().push(revision);
        }
    }
    let with_earlier = |schedule: Schedule| {
        let mut earlier = earlier.remove(&schedule.job_id).unwrap_or_default();
        earlier.retain(|revision| revision.generation >= schedule.observed_generation);
        (schedule, earlier)
    };
    Ok(changed.into_iter().map(with_earlier).collect())
}

statement! {
    PlanStatement {
        jobs: Vec<i64> as Array<BigInt>,
        generations: Vec<i64> as Array<BigInt>,
        observed: Vec<i64> as Array<BigInt>,
        next: Vec<Option<DateTime<Utc>>> as Array<Nullable<Timestamptz>>,
        due: Vec<Option<DateTime<Utc>>> as Array<Nullable<Timestamptz>>,
        errors: Vec<Option<String>> as Array<Nullable<Text>>,
        unqueued: Vec<Option<&'static str>> as Array<Nullable<Text>>,
        settled_jobs: Vec<i64> as Array<BigInt>,
        settled_generations: Vec<i64> as Array<BigInt>,
        first: Vec<DateTime<Utc>> as Array<Timestamptz>,
        last: Vec<DateTime<Utc>> as Array<Timestamptz>,
        counts: Vec<i64> as Array<BigInt>,
        outcomes: Vec<&'static str> as Array<Text>,
        reasons: Vec<Option<&'static str>> as Array<Nullable<Text>>,
    } -> BigInt =
        "WITH plans AS (
             SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)
                 AS plans (job_id, generation, observed, next_at, due_at, error, unqueued)
         ), applied AS (
             UPDATE schedules s SET observed_generation = p.generation, next_at = p.next_at,
                 due_at = p.due_at, error = p.error
             FROM plans p
             WHERE s.job_id = p.job_id AND s.generation = p.generation
                 AND s.observed_generation = p.observed
             RETURNING p.job_id, p.generation, p.unqueued
         ), unqueued AS (
             UPDATE slots q SET outcome = 'cancelled', reason = applied.unqueued, lane = NULL
             FROM applied
             WHERE q.job_id = applied.job_id AND q.outcome = 'queued'
                 AND q.generation < applied.generation
         ), settled AS (
             INSERT INTO slots (job_id, generation, first_at, last_at, count, outcome, reason)
             SELECT settled.* FROM unnest(?, ?, ?, ?, ?, ?, ?)
                 AS settled (job_id, generation, first_at, last_at, count, outcome, reason)
             JOIN applied ON applied.job_id = settled.job_id
         )
         SELECT job_id FROM applied";
}

/// Records what was made of new generations, each if it is still the newest
/// and nobody else did; says of which jobs that is so.
pub async fn plan(conn: &mut AsyncPgConnection, plans: &[Plan]) -> Result<Vec<JobId>, StoreError> {
    let each = || plans.iter();
    let settled: Vec<(JobId, &Range)> = each()
        .flat_map(|plan| plan.settled.iter().map(|range| (plan.job_id, range)))
        .collect();
    let statement = PlanStatement {
        jobs: each().map(|plan| plan.job_id.0).collect(),
        generations: each().map(|plan| plan.generation).collect(),
        observed: each().map(|plan| plan.observed_generation).collect(),
        next: each().map(|plan| plan.next_at).collect(),
        due: each().map(|plan| plan.due_at).collect(),
        errors: each().map(|plan| plan.error.clone()).collect(),
        unqueued: each()
            .map(|plan| crate::slots::SlotOutcome::Cancelled(plan.unqueued).reason())
            .collect(),
        settled_jobs: settled.iter().map(|(job, _)| job.0).collect(),
        settled_generations: settled.iter().map(|(_, range)| range.generation).collect(),
        first: settled.iter().map(|(_, range)| range.first_at).collect(),
        last: settled.iter().map(|(_, range)| range.last_at).collect(),
        counts: settled.iter().map(|(_, range)| range.count).collect(),
        outcomes: settled
            .iter()
            .map(|(_, range)| range.outcome.as_str())
            .collect(),
        reasons: settled
            .iter()
            .map(|(_, range)| range.outcome.reason())
            .collect(),
    };
    let applied: Vec<i64> = statement.load(conn).await?;
    Ok(applied.into_iter().map(JobId).collect())
}
