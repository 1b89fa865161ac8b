//! Firing: the one statement that moves schedules on, makes their execs and
//! writes the ledger, all by compare-and-set.

use chrono::{DateTime, Utc};
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::{
    Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId, Lane, Overlap};
use uuid::Uuid;

use crate::StoreError;
use crate::schema::schedules;
use crate::slots::{Fired, SlotOutcome};
use crate::statement::{has_open_exec, newest_entry, statement};

/// Instants of one fate, of a schedule that is told beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Of which edit of the schedule.
    pub generation: i64,
    /// The first instant.
    pub first_at: DateTime<Utc>,
    /// The last one; the same where it is only one.
    pub last_at: DateTime<Utc>,
    /// How many.
    pub count: i64,
    /// Their fate, which is final.
    pub outcome: SlotOutcome,
}

/// An instant that is to have an exec, if the overlap policy agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The planned instant.
    pub slot_at: DateTime<Utc>,
    /// Where its exec will wait.
    pub lane: Lane,
    /// Chosen by the caller, so that it can be announced.
    pub exec_id: ExecId,
}

/// How a schedule is to move on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Whose it is.
    pub job_id: JobId,
    /// The generation this was computed from.
    pub generation: i64,
    /// The instant it stands at; if it stands elsewhere, somebody was faster.
    pub from: DateTime<Utc>,
    /// The instant it moves to.
    pub next_at: Option<DateTime<Utc>>,
    /// When to look at it there.
    pub due_at: Option<DateTime<Utc>>,
    /// What is known of the instants between.
    pub settled: Vec<Range>,
    /// The one that is to fire. More than one needs [`move_on`].
    pub candidate: Option<Candidate>,
    /// What is done if an exec of the job is open.
    pub overlap: Overlap,
    /// Whether one that a person triggered counts.
    pub counts_manual: bool,
}

/// A schedule that moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whose it is.
    pub job_id: JobId,
    /// The exec of its candidate; without one, the candidate was skipped for
    /// an open exec.
    pub fired: Option<Fired>,
}

statement! {
    FiringStatement {
        jobs: Vec<i64> as Array<BigInt>,
        generations: Vec<i64> as Array<BigInt>,
        from: Vec<DateTime<Utc>> as Array<Timestamptz>,
        next: Vec<Option<DateTime<Utc>>> as Array<Nullable<Timestamptz>>,
        due: Vec<Option<DateTime<Utc>>> as Array<Nullable<Timestamptz>>,
        instants: Vec<Option<DateTime<Utc>>> as Array<Nullable<Timestamptz>>,
        execs: Vec<Option<Uuid>> as Array<Nullable<SqlUuid>>,
        shards: Vec<Option<i16>> as Array<Nullable<SmallInt>>,
        lanes: Vec<Option<&'static str>> as Array<Nullable<Text>>,
        overlaps: Vec<&'static str> as Array<Text>,
        counts_manual: Vec<bool> as Array<Bool>,
        follows: Vec<bool> as Array<Bool>,
        settled_jobs: Vec<i64> as Array<BigInt>,
        settled_generations: Vec<i64> as Array<BigInt>,
        first: Vec<DateTime<Utc>> as Array<Timestamptz>,
        last: Vec<DateTime<Utc>> as Array<Timestamptz>,
        counts: Vec<i64> as Array<BigInt>,
        outcomes: Vec<&'static str> as Array<Text>,
        reasons: Vec<Option<&'static str>> as Array<Nullable<Text>>,
    } -> (BigInt, Nullable<SqlUuid>, Nullable<Text>) = concat!(
        "WITH asked AS (
             SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 AS asked (job_id, generation, from_at, next_at, due_at, slot_at, exec_id, shard,
                           lane, overlap, counts_manual, follows)
         ), seen AS (
             SELECT asked.*, overlap <> 'allow' AND slot_at IS NOT NULL AND (",
        has_open_exec!("asked.job_id", "asked.counts_manual"),
        "        OR EXISTS (SELECT FROM slots q
                            WHERE q.job_id = asked.job_id AND q.outcome = 'queued')) AS is_busy
             FROM asked
         ), moved AS (
             UPDATE schedules s SET next_at = seen.next_at, due_at = seen.due_at
             FROM seen
             WHERE s.job_id = seen.job_id AND s.generation = seen.generation
                 AND s.observed_generation = seen.generation AND s.active
                 AND s.next_at = seen.from_at
                 -- Whether a busy job's instant waits is not for one statement to say.
                 AND (seen.overlap = 'skip' OR NOT seen.is_busy)
             RETURNING seen.*
         ), fired AS (
             INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, slot_at,
                                created_by, spec, lane)
             SELECT moved.exec_id, j.id, j.namespace, j.region, moved.shard, 'S', moved.slot_at,
                    j.created_by, j.spec, moved.lane
             FROM moved JOIN jobs j ON j.id = moved.job_id
             WHERE moved.slot_at IS NOT NULL AND NOT moved.is_busy
             RETURNING id, job_id, region
         ), grown AS (
             -- Skipped like the one before it: the same entry, be it of a thousand.
             UPDATE slots SET last_at = moved.slot_at, count = slots.count + 1
             FROM moved
             WHERE moved.is_busy AND moved.follows
                 AND slots.job_id = moved.job_id AND slots.generation = moved.generation
                 AND slots.backfill_id = 0
                 AND slots.outcome = 'skipped' AND slots.reason = 'overlap'
                 AND slots.first_at = (",
        newest_entry!("moved.job_id", "moved.generation"),
        "        )
             RETURNING slots.job_id
         ), recorded AS (
             INSERT INTO slots (job_id, generation, first_at, last_at, count, outcome, reason,
                                exec_id)
             SELECT moved.job_id, moved.generation, moved.slot_at, moved.slot_at, 1,
                    CASE WHEN is_busy THEN 'skipped' ELSE 'fired' END,
                    CASE WHEN is_busy THEN 'overlap' END,
                    CASE WHEN NOT is_busy THEN moved.exec_id END
             FROM moved WHERE moved.slot_at IS NOT NULL
                 AND NOT EXISTS (SELECT FROM grown WHERE grown.job_id = moved.job_id)
             UNION ALL
             SELECT settled.*, NULL FROM unnest(?, ?, ?, ?, ?, ?, ?)
                 AS settled (job_id, generation, first_at, last_at, count, outcome, reason)
             JOIN moved ON moved.job_id = settled.job_id
         )
         SELECT moved.job_id, fired.id, fired.region
         FROM moved LEFT JOIN fired ON fired.id = moved.exec_id"
    );
}

/// Moves schedules on, each if it still stands where it was seen. One whose
/// job is busy stays, unless its policy is to skip: see [`move_on`].
pub async fn fire(
    conn: &mut AsyncPgConnection,
    firings: &[Firing],
) -> Result<Vec<Moved>, StoreError> {
    let rows: Vec<(i64, Option<Uuid>, Option<String>)> = statement(firings).load(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(job, exec, region)| Moved {
            job_id: JobId(job),
            fired: exec
                .zip(region)
                .map(|(exec, region)| Fired::from((job, exec, region))),
        })
        .collect())
}

fn statement(firings: &[Firing]) -> FiringStatement {
    let each = || firings.iter();
    let candidates = || each().map(|firing| firing.candidate);
    let settled =
        || each().flat_map(|firing| firing.settled.iter().map(|range| (firing.job_id, range)));
    FiringStatement {
        jobs: each().map(|firing| firing.job_id.0).collect(),
        generations: each().map(|firing| firing.generation).collect(),
        from: each().map(|firing| firing.from).collect(),
        next: each().map(|firing| firing.next_at).collect(),
        due: each().map(|firing| firing.due_at).collect(),
        instants: candidates()
            .map(|fires| fires.map(|it| it.slot_at))
            .collect(),
        execs: candidates()
            .map(|fires| fires.map(|it| it.exec_id.0))
            .collect(),
        shards: candidates()
            .map(|fires| fires.map(|it| it.exec_id.shard().number().into()))
            .collect(),
        lanes: candidates()
            .map(|fires| fires.map(|it| it.lane.as_str()))
            .collect(),
        overlaps: each().map(|firing| firing.overlap.as_str()).collect(),
        counts_manual: each().map(|firing| firing.counts_manual).collect(),
        follows: each().map(follows).collect(),
        settled_jobs: settled().map(|(job, _)| job.0).collect(),
        settled_generations: settled().map(|(_, range)| range.generation).collect(),
        first: settled().map(|(_, range)| range.first_at).collect(),
        last: settled().map(|(_, range)| range.last_at).collect(),
        counts: settled().map(|(_, range)| range.count).collect(),
        outcomes: settled().map(|(_, range)| range.outcome.as_str()).collect(),
        reasons: settled().map(|(_, range)| range.outcome.reason()).collect(),
    }
}

/// Whether the candidate comes right after what the ledger tells already, instants
/// that were never to run aside.
fn follows(firing: &Firing) -> bool {
    let mut between = firing.settled.iter();
    between.all(|range| range.outcome.was_never_planned())
}

/// Moves a schedule on that the caller has locked and found where it was seen.
pub async fn move_on(
    conn: &mut AsyncPgConnection,
    job: JobId,
    next_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    diesel::update(schedules::table.find(job.0))
        .set((schedules::next_at.eq(next_at), schedules::due_at.eq(due_at)))
        .execute(conn)
        .await?;
    Ok(())
}
