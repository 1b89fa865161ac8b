//! `backfills`: ranges of a schedule's instants that are run after the fact, at
//! a rate. What is wanted is the gateway's, how far it is the scheduler's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Deserialize;
use shared_types::{JobId, Shards};

use crate::StoreError;
use crate::page::{Count, Page, Rows, load_page};
use crate::schema::{backfills, schedules};

/// Number of a backfill, given by the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct BackfillId(pub i64);

/// A backfill to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackfill {
    /// Whose instants.
    pub job_id: JobId,
    /// Of which edit of the schedule.
    pub generation: i64,
    /// The first instant that may be run.
    pub from_at: DateTime<Utc>,
    /// The end of the range, not included.
    pub to_at: DateTime<Utc>,
    /// How many execs are made in a minute at most.
    pub per_minute: i32,
    /// How many instants the range has.
    pub count: i64,
    /// Who asked for it.
    pub created_by: String,
}

/// A backfill as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// Its number.
    pub id: BackfillId,
    /// What was asked.
    pub definition: NewBackfill,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When somebody said that the rest is not wanted.
    pub dropped_at: Option<DateTime<Utc>>,
    /// Instants before this one are done with; none yet if `None`.
    pub next_at: Option<DateTime<Utc>>,
    /// How many execs were made.
    pub fired: i64,
    /// When it was done with.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = backfills)]
struct Row {
    id: i64,
    job_id: i64,
    generation: i64,
    from_at: DateTime<Utc>,
    to_at: DateTime<Utc>,
    per_minute: i32,
    count: i64,
    created_by: String,
    created_at: DateTime<Utc>,
    dropped_at: Option<DateTime<Utc>>,
    next_at: Option<DateTime<Utc>>,
    fired: i64,
    ended_at: Option<DateTime<Utc>>,
}

impl From<Row> for Backfill {
    fn from(row: Row) -> Self {
        Self {
            id: BackfillId(row.id),
            definition: NewBackfill {
                job_id: JobId(row.job_id),
                generation: row.generation,
                from_at: row.from_at,
                to_at: row.to_at,
                per_minute: row.per_minute,
                count: row.count,
                created_by: row.created_by,
            },
            created_at: row.created_at,
            dropped_at: row.dropped_at,
            next_at: row.next_at,
            fired: row.fired,
            ended_at: row.ended_at,
        }
    }
}

/// Asks for a range to be run.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    new: &NewBackfill,
) -> Result<Backfill, StoreError> {
    let row: Row = diesel::insert_into(backfills::table)
        .values((
            backfills::job_id.eq(new.job_id.0),
            backfills::generation.eq(new.generation),
            backfills::from_at.eq(new.from_at),
            backfills::to_at.eq(new.to_at),
            backfills::per_minute.eq(new.per_minute),
            backfills::count.eq(new.count),
            backfills::created_by.eq(&new.created_by),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// A backfill of this job.
pub async fn get(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: BackfillId,
) -> Result<Option<Backfill>, StoreError> {
    let row: Option<Row> = backfills::table
        .find(id.0)
        .filter(backfills::job_id.eq(job.0))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Backfill::from))
}

/// The backfills of a job on a page.
pub async fn list(
    conn: &mut AsyncPgConnection,
    job: JobId,
    page: Page<BackfillId>,
) -> Result<Rows<Backfill>, StoreError> {
    let query = backfills::table
        .filter(backfills::job_id.eq(job.0))
        .into_boxed();
    let columns = Row::as_select();
    let page: Rows<Row> = load_page!(query, columns, (backfills::id), page, conn)?;
    page.try_map(|row| Ok(row.into()))
}

/// How many backfills a job has.
pub async fn count(conn: &mut AsyncPgConnection, job: JobId) -> Result<Count, StoreError> {
    let of_job = backfills::table.filter(backfills::job_id.eq(job.0));
    Ok(Count::exact(of_job.count().get_result(conn).await?))
}

/// Says that the rest of a backfill is not wanted. Once this is committed it
/// makes no more execs. Gives it back as it is then; `None` if the job has no
/// such backfill.
pub async fn drop(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: BackfillId,
) -> Result<Option<Backfill>, StoreError> {
    diesel::update(backfills::table.find(id.0))
        .filter(backfills::job_id.eq(job.0))
        .filter(backfills::dropped_at.is_null())
        .filter(backfills::ended_at.is_null())
        .set(backfills::dropped_at.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    get(conn, job, id).await
}

/// Numbers of open backfills of these shards that are due, earliest first.
pub async fn due(
    conn: &mut AsyncPgConnection,
    shards: Shards,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<BackfillId>, StoreError> {
    let due: Vec<i64> = backfills::table
        .inner_join(schedules::table.on(schedules::job_id.eq(backfills::job_id)))
        .filter(backfills::ended_at.is_null())
        .filter(backfills::due_at.le(now))
        .filter(schedules::shard.eq_any(shards.numbers()))
        .order(backfills::due_at)
        .limit(limit)
        .select(backfills::id)
        .load(conn)
        .await?;
    Ok(due.into_iter().map(BackfillId).collect())
}

/// When the first open backfill of these shards is due.
pub async fn next_due(
    conn: &mut AsyncPgConnection,
    shards: Shards,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let next = backfills::table
        .inner_join(schedules::table.on(schedules::job_id.eq(backfills::job_id)))
        .filter(backfills::ended_at.is_null())
        .filter(schedules::shard.eq_any(shards.numbers()))
        .select(diesel::dsl::min(backfills::due_at))
        .first(conn)
        .await?;
    Ok(next)
}

/// A backfill, locked until the transaction ends, unless it ended or others
/// have it.
pub async fn lock(
    conn: &mut AsyncPgConnection,
    id: BackfillId,
) -> Result<Option<Backfill>, StoreError> {
    let row: Option<Row> = backfills::table
        .find(id.0)
        .filter(backfills::ended_at.is_null())
        .select(Row::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Backfill::from))
}

/// How far a locked backfill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Open {
        /// Instants before this one are done with.
        next_at: DateTime<Utc>,
        /// How many execs were made just now.
        fired: i64,
        /// When to go on.
        due_at: DateTime<Utc>,
    },
    /// It is done with, now.
    Ended {
        /// How many execs were made just now.
        fired: i64,
    },
}

/// Writes down how far a locked backfill is.
pub async fn advance(
    conn: &mut AsyncPgConnection,
    id: BackfillId,
    progress: Progress,
) -> Result<(), StoreError> {
    let row = diesel::update(backfills::table.find(id.0));
    match progress {
        Progress::Open {
            next_at,
            fired,
            due_at,
        } => {
            let progress = (
                backfills::next_at.eq(next_at),
                backfills::fired.eq(backfills::fired + fired),
                backfills::due_at.eq(due_at),
            );
            row.set(progress).execute(conn).await?
        }
        Progress::Ended { fired } => {
            let progress = (
                backfills::fired.eq(backfills::fired + fired),
                backfills::ended_at.eq(diesel::dsl::now),
            );
            row.set(progress).execute(conn).await?
        }
    };
    Ok(())
}
