//! Instants that wait for the end of an earlier exec of their job.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId, Lane, Shards};
use uuid::Uuid;

use super::{Row, Slot, SlotOutcome};
use crate::StoreError;
use crate::schema::slots;
use crate::statement::{has_open_exec, statement};

/// A literal, so that every plan can use the index of what waits.
pub(crate) const QUEUED: &str = "outcome = 'queued'";

/// A waiting instant that something can be done about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Whose it is.
    pub job_id: JobId,
    /// Of which edit of the schedule.
    pub generation: i64,
    /// The planned instant.
    pub slot_at: DateTime<Utc>,
    /// Where its exec is to wait.
    pub lane: Lane,
    /// Whether its start deadline has passed.
    pub is_late: bool,
}

/// A waiting instant and the exec that it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The instant.
    pub ready: Ready,
    /// Chosen by the caller, so that it can be announced.
    pub exec_id: ExecId,
}

/// An exec of a schedule, committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// Its job.
    pub job_id: JobId,
    /// Its id.
    pub exec_id: ExecId,
    /// The region whose executor is to be told.
    pub region: String,
}

/// What waits for an exec of this job to end, oldest first.
pub async fn queued(conn: &mut AsyncPgConnection, job: JobId) -> Result<Vec<Slot>, StoreError> {
    let rows: Vec<Row> = slots::table
        .filter(slots::job_id.eq(job.0))
        .filter(sql::<Bool>(QUEUED))
        .order(slots::first_at)
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

/// Settles instants of a job that wait, if they still do; says how many did.
pub async fn close(
    conn: &mut AsyncPgConnection,
    job: JobId,
    instants: &[DateTime<Utc>],
    outcome: SlotOutcome,
) -> Result<usize, StoreError> {
    let closed = diesel::update(slots::table)
        .filter(slots::job_id.eq(job.0))
        .filter(slots::first_at.eq_any(instants))
        .filter(sql::<Bool>(QUEUED))
        .set((
            slots::outcome.eq(outcome.as_str()),
            slots::reason.eq(outcome.reason()),
            slots::lane.eq(None::<&str>),
        ))
        .execute(conn)
        .await?;
    Ok(closed)
}

statement! {
    ReadyQuery {
        now: DateTime<Utc> as Timestamptz,
        shards: Vec<i16> as Array<SmallInt>,
        limit: i64 as BigInt,
    } -> (BigInt, BigInt, Timestamptz, Text, Bool) = concat!(
        "WITH waiting AS (
             SELECT q.job_id, q.generation, q.first_at, q.lane, s.rules,
                 coalesce(q.first_at + (s.rules->>'start_deadline')::int * interval '1 second' < ?,
                          false) AS is_late
             FROM slots q JOIN schedules s
                 ON s.job_id = q.job_id AND s.generation = q.generation AND s.active
             WHERE q.outcome = 'queued' AND s.shard = ANY (?)
         )
         SELECT DISTINCT ON (w.job_id) w.job_id, w.generation, w.first_at, w.lane, w.is_late
         FROM waiting w
         WHERE w.is_late OR NOT ",
        has_open_exec!("w.job_id", "coalesce((w.rules->>'overlap_counts_manual')::boolean, true)"),
        " ORDER BY w.job_id, w.first_at LIMIT ?"
    );
}

/// Of each job the oldest waiting instant, if its turn has come or its start
/// deadline has passed.
pub async fn ready(
    conn: &mut AsyncPgConnection,
    shards: Shards,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Ready>, StoreError> {
    let query = ReadyQuery {
        now,
        shards: shards.numbers(),
        limit,
    };
    let rows: Vec<(i64, i64, DateTime<Utc>, String, bool)> = query.load(conn).await?;
    rows.into_iter()
        .map(|(job, generation, slot_at, lane, is_late)| {
            let lane = Lane::parse(&lane).ok_or_else(|| StoreError::Unknown {
                what: "lane",
                value: lane,
            })?;
            Ok(Ready {
                job_id: JobId(job),
                generation,
                slot_at,
                lane,
                is_late,
            })
        })
        .collect()
}

statement! {
    ReleaseStatement {
        jobs: Vec<i64> as Array<BigInt>,
        generations: Vec<i64> as Array<BigInt>,
        instants: Vec<DateTime<Utc>> as Array<Timestamptz>,
        execs: Vec<Uuid> as Array<SqlUuid>,
        shards: Vec<i16> as Array<SmallInt>,
        lanes: Vec<&'static str> as Array<Text>,
    } -> (BigInt, SqlUuid, Text) =
        "WITH asked AS (
             SELECT * FROM unnest(?, ?, ?, ?, ?, ?)
                 AS asked (job_id, generation, slot_at, exec_id, shard, lane)
         ), held AS (
             -- An edit waits for this, or this sees it.
             SELECT asked.* FROM schedules s JOIN asked
                 ON s.job_id = asked.job_id AND s.generation = asked.generation AND s.active
             ORDER BY s.job_id FOR SHARE OF s
         ), taken AS (
             UPDATE slots q SET outcome = 'fired', exec_id = held.exec_id, lane = NULL
             FROM held
             WHERE q.job_id = held.job_id AND q.first_at = held.slot_at
                 AND q.generation = held.generation AND q.backfill_id = 0 AND q.outcome = 'queued'
             RETURNING held.*
         )
         INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, slot_at,
                            created_by, spec, lane)
         SELECT taken.exec_id, j.id, j.namespace, j.region, taken.shard, 'S', taken.slot_at,
                j.created_by, j.spec, taken.lane
         FROM taken JOIN jobs j ON j.id = taken.job_id
         RETURNING job_id, id, region";
}

/// Gives waiting instants their execs, each unless it was edited away or
/// released by somebody else meanwhile.
pub async fn release(
    conn: &mut AsyncPgConnection,
    releases: &[Release],
) -> Result<Vec<Fired>, StoreError> {
    let each = || releases.iter();
    let statement = ReleaseStatement {
        jobs: each().map(|release| release.ready.job_id.0).collect(),
        generations: each().map(|release| release.ready.generation).collect(),
        instants: each().map(|release| release.ready.slot_at).collect(),
        execs: each().map(|release| release.exec_id.0).collect(),
        shards: each()
            .map(|release| release.exec_id.shard().number().into())
            .collect(),
        lanes: each().map(|release| release.ready.lane.as_str()).collect(),
    };
    let rows: Vec<(i64, Uuid, String)> = statement.load(conn).await?;
    Ok(rows.into_iter().map(Fired::from).collect())
}

impl From<(i64, Uuid, String)> for Fired {
    fn from((job, exec, region): (i64, Uuid, String)) -> Self {
        Self {
            job_id: JobId(job),
            exec_id: ExecId(exec),
            region,
        }
    }
}
