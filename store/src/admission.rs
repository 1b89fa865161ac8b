//! Which waiting execs may begin: who waits in which order, who holds a place, and
//! what holds a namespace back. Counted from the execs themselves each time, so no
//! count can go wrong; rounds of one region exclude each other.

mod held;

pub(crate) use held::read_held;
pub use held::{HeldBy, Queue, keep_queues, queues};

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId, Lane};
use uuid::Uuid;

use crate::StoreError;
use crate::schema::{execs, jobs};
use crate::statement::statement;

/// An exec waits to be admitted while nothing was tried; one that is to be cancelled does
/// not stand in the way. Literals, so that every plan can use the index.
pub(crate) const QUEUED: &str = "state = 'waiting' AND attempt = 0 AND cancel_requested_at IS NULL";
/// An exec holds a place from its first attempt to its end.
const ADMITTED: &str = "state IN ('waiting', 'running') AND attempt > 0";

/// An exec that waits to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: ExecId,
    /// Its job.
    pub job_id: JobId,
    /// Its job's namespace.
    pub namespace: String,
    /// Which of its namespace's two queues it stands in.
    pub lane: Lane,
    /// When it was triggered.
    pub created_at: DateTime<Utc>,
    /// How many execs of its job may hold a place.
    pub max_running: Option<usize>,
}

/// Execs that hold a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// By namespace.
    pub namespaces: HashMap<String, usize>,
    /// Of jobs that may have only so many, with that number.
    pub jobs: HashMap<JobId, (usize, usize)>,
}

impl Running {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.namespaces.values().sum()
    }
}

/// Waits until this is the only round of the region, and keeps it so until the
/// transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, region: &str) -> Result<(), StoreError> {
    // The first number says that it is about admissions.
    diesel::sql_query("SELECT pg_advisory_xact_lock(7166573, hashtext($1))")
        .bind::<Text, _>(region)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether anything of the region waits to be admitted.
pub async fn has_queued(conn: &mut AsyncPgConnection, region: &str) -> Result<bool, StoreError> {
    let waiting = execs::table
        .filter(execs::region.eq(region))
        .filter(sql::<Bool>(QUEUED));
    let found = diesel::select(diesel::dsl::exists(waiting));
    Ok(found.get_result(conn).await?)
}

/// How many wait to be admitted in the region.
pub async fn count_queued(conn: &mut AsyncPgConnection, region: &str) -> Result<usize, StoreError> {
    let waiting = execs::table
        .filter(execs::region.eq(region))
        .filter(sql::<Bool>(QUEUED));
    Ok(number(waiting.count().get_result(conn).await?))
}

fn number(count: i64) -> usize {
    usize::try_from(count).unwrap_or_default()
}

/// Who holds a place in the region.
pub async fn running(conn: &mut AsyncPgConnection, region: &str) -> Result<Running, StoreError> {
    let namespaces: Vec<(String, i64)> = execs::table
        .filter(execs::region.eq(region))
        .filter(sql::<Bool>(ADMITTED))
        .group_by(execs::namespace)
        .select((execs::namespace, count_star()))
        .load(conn)
        .await?;
    let limited: Vec<(i64, Option<i32>, i64)> = execs::table
        .inner_join(jobs::table)
        .filter(execs::region.eq(region))
        .filter(sql::<Bool>(ADMITTED))
        .filter(jobs::max_running.is_not_null())
        .group_by((jobs::id, jobs::max_running))
        .select((jobs::id, jobs::max_running, count_star()))
        .load(conn)
        .await?;
    let jobs = limited.into_iter().map(|(job, limit, count)| {
        let limit = limit.map_or(usize::MAX, |limit| number(limit.into()));
        (JobId(job), (number(count), limit))
    });
    Ok(Running {
        jobs: jobs.collect(),
        namespaces: namespaces
            .into_iter()
            .map(|(namespace, count)| (namespace, number(count)))
            .collect(),
    })
}

statement! {
    /// The names are found one after the other by the index, as a namespace may have any
    /// number of execs that wait.
    QueuedQuery {
        region: String as Text,
        region_again: String as Text,
        region_of_heads: String as Text,
        full_jobs: Vec<i64> as Array<BigInt>,
        limit: i64 as BigInt,
    } -> (SqlUuid, BigInt, Text, Text, Timestamptz, Nullable<Integer>) = "
        WITH RECURSIVE waiting (namespace) AS (
            (SELECT namespace FROM execs
                WHERE region = ? AND state = 'waiting' AND attempt = 0
                    AND cancel_requested_at IS NULL
                ORDER BY namespace LIMIT 1)
            UNION ALL
            SELECT (SELECT execs.namespace FROM execs
                WHERE region = ? AND state = 'waiting' AND attempt = 0
                    AND cancel_requested_at IS NULL AND execs.namespace > waiting.namespace
                ORDER BY execs.namespace LIMIT 1)
            FROM waiting WHERE waiting.namespace IS NOT NULL
        )
        SELECT head.id, head.job_id, waiting.namespace, head.lane, head.created_at,
                jobs.max_running
            FROM waiting CROSS JOIN LATERAL (
                SELECT id, job_id, lane, created_at FROM execs
                    WHERE region = ? AND execs.namespace = waiting.namespace
                        AND state = 'waiting' AND attempt = 0 AND cancel_requested_at IS NULL
                        AND job_id <> ALL (?)
                    ORDER BY lane DESC, id LIMIT ?
            ) head JOIN jobs ON jobs.id = head.job_id
            ORDER BY waiting.namespace, head.lane DESC, head.id";
}

type QueuedRow = (Uuid, i64, String, String, DateTime<Utc>, Option<i32>);

/// The first of each namespace that waits in the region, `limit` at most, those of these
/// jobs left out: by namespace, then in their order.
pub async fn queued(
    conn: &mut AsyncPgConnection,
    region: &str,
    full: &[JobId],
    limit: usize,
) -> Result<Vec<Queued>, StoreError> {
    let query = QueuedQuery {
        region: region.to_owned(),
        region_again: region.to_owned(),
        region_of_heads: region.to_owned(),
        full_jobs: full.iter().map(|job| job.0).collect(),
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows: Vec<QueuedRow> = query.load(conn).await?;
    rows.into_iter()
        .map(|(id, job, namespace, lane, created_at, max_running)| {
            let lane = Lane::parse(&lane).ok_or(StoreError::Unknown {
                what: "lane",
                value: lane,
            })?;
            Ok(Queued {
                id: ExecId(id),
                job_id: JobId(job),
                namespace,
                lane,
                created_at,
                max_running: max_running.map(|limit| usize::try_from(limit).unwrap_or_default()),
            })
        })
        .collect()
}

/// Execs of the region that wait to be admitted and were triggered before this instant,
/// by the clock of who triggered them; the oldest, `limit` at most.
pub async fn queued_before(
    conn: &mut AsyncPgConnection,
    region: &str,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ExecId>, StoreError> {
    let ids: Vec<Uuid> = execs::table
        .filter(execs::region.eq(region))
        // What the index of open execs holds, by whose order they are found.
        .filter(sql::<Bool>("state IN ('waiting', 'running')"))
        .filter(sql::<Bool>(QUEUED))
        .filter(execs::id.lt(ExecId::first_of(before).0))
        .order(execs::id)
        .select(execs::id)
        .limit(limit)
        .load(conn)
        .await?;
    Ok(ids.into_iter().map(ExecId).collect())
}
