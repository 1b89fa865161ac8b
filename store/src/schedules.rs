//! `schedules`: what each job's owner wants (intent, written by the gateway)
//! beside how far it was carried out (status, written by the scheduler), in one
//! row, so that one row lock decides between an edit and a firing.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use crate::StoreError;
use crate::schema::schedules;

mod due;

pub use due::{RunTemplate, Upcoming, advance, lock, run_templates, upcoming, with_open_exec};

/// A job's schedule: intent and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Whose schedule it is.
    pub job_id: JobId,
    /// Text of the schedule; none was given if `None`.
    pub mode: Option<String>,
    /// Whether it is to fire.
    pub active: bool,
    /// Raised by each edit.
    pub generation: i64,
    /// Instants before this one are not this generation's.
    pub effective_from: DateTime<Utc>,
    /// The generation that `next_at` was computed for.
    pub observed_generation: i64,
    /// The first planned instant that nothing became of yet.
    pub next_at: Option<DateTime<Utc>>,
}

/// What the scheduler made of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose schedule it is.
    pub job_id: JobId,
    /// The generation that was read.
    pub generation: i64,
    /// Its first instant, if there is one.
    pub next_at: Option<DateTime<Utc>>,
    /// Why its text cannot be followed, for people.
    pub error: Option<String>,
}

/// What the owner of a job says of its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Text of the schedule; `None` is none.
    pub mode: Option<String>,
    /// Whether it is to fire; needs a text.
    pub active: bool,
    /// Since when this is so: nothing before it fires.
    pub effective_from: DateTime<Utc>,
}

/// What an edit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// A new generation begins; the old one fires no more once this is committed.
    NewGeneration,
    /// It says what was there already, so generation and remaining runs stay.
    Unchanged,
}

/// Whether a conditional write took hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// It did.
    Applied,
    /// The schedule was edited meanwhile, or another replica was first.
    Superseded,
}

/// A row as it is stored, with the id not yet typed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = schedules)]
struct Row {
    job_id: i64,
    mode: Option<String>,
    active: bool,
    generation: i64,
    effective_from: DateTime<Utc>,
    observed_generation: i64,
    next_at: Option<DateTime<Utc>>,
}

impl From<Row> for Schedule {
    fn from(row: Row) -> Self {
        Self {
            job_id: JobId(row.job_id),
            mode: row.mode,
            active: row.active,
            generation: row.generation,
            effective_from: row.effective_from,
            observed_generation: row.observed_generation,
            next_at: row.next_at,
        }
    }
}

/// Says anew what a schedule is to do.
pub async fn edit(
    conn: &mut AsyncPgConnection,
    job: JobId,
    intent: &Intent,
) -> Result<Edited, StoreError> {
    let written = diesel::update(schedules::table)
        .filter(schedules::job_id.eq(job.0))
        .filter(
            schedules::mode
                .is_distinct_from(&intent.mode)
                .or(schedules::active.ne(intent.active)),
        )
        .set((
            schedules::mode.eq(&intent.mode),
            schedules::active.eq(intent.active),
            schedules::effective_from.eq(intent.effective_from),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .execute(conn)
        .await?;
    Ok(if written == 0 {
        Edited::Unchanged
    } else {
        Edited::NewGeneration
    })
}

/// Ends a schedule for good: its job is being deleted.
pub async fn stop(conn: &mut AsyncPgConnection, job: JobId) -> Result<(), StoreError> {
    diesel::update(schedules::table)
        .filter(schedules::job_id.eq(job.0))
        .filter(schedules::active)
        .set((
            schedules::active.eq(false),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Schedules with a generation that was not planned yet.
pub async fn changed(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<Schedule>, StoreError> {
    let rows: Vec<Row> = schedules::table
        .filter(schedules::observed_generation.ne(schedules::generation))
        .order(schedules::job_id)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Schedule::from).collect())
}

/// Records what was made of a generation, if it is still the newest and nobody
/// else did.
pub async fn plan(conn: &mut AsyncPgConnection, plan: &Plan) -> Result<Planned, StoreError> {
    let written = diesel::update(schedules::table)
        .filter(schedules::job_id.eq(plan.job_id.0))
        .filter(schedules::generation.eq(plan.generation))
        .filter(schedules::observed_generation.ne(plan.generation))
        .set((
            schedules::observed_generation.eq(plan.generation),
            schedules::next_at.eq(plan.next_at),
            schedules::error.eq(&plan.error),
        ))
        .execute(conn)
        .await?;
    Ok(if written == 0 {
        Planned::Superseded
    } else {
        Planned::Applied
    })
}
