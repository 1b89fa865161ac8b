//! `schedules`: what each job's owner wants (intent, written by the gateway)
//! beside how far it was carried out (status, written by the scheduler), in one
//! row, so that one row lock decides between an edit and a firing.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use shared_types::{JobId, ScheduleRules};

mod due;
mod firing;
mod history;
mod planning;

pub use due::{Upcoming, Wanted, get, has_queue, lock, upcoming};
pub use firing::{Candidate, Firing, Moved, Range, fire, move_on};
pub use history::{revision, superseded};
pub use planning::{Plan, changed, plan};

use crate::StoreError;
use crate::schema::schedules;

/// What the owner of a job said in one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Which edit, from 1.
    pub generation: i64,
    /// Text of the schedule; none was given if `None`.
    pub mode: Option<String>,
    /// How the text is read and what its instants do.
    pub rules: ScheduleRules,
    /// When the text was given: where one without a start begins.
    pub anchor: DateTime<Utc>,
    /// Whether it is to fire.
    pub active: bool,
    /// Instants before this one are not this generation's.
    pub effective_from: DateTime<Utc>,
}

/// A job's schedule: intent and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Whose schedule it is.
    pub job_id: JobId,
    /// What its owner said last.
    pub revision: Revision,
    /// The generation that `next_at` was computed for.
    pub observed_generation: i64,
    /// The first planned instant that nothing became of yet.
    pub next_at: Option<DateTime<Utc>>,
    /// When the scheduler is to look at it again.
    pub due_at: Option<DateTime<Utc>>,
}

/// What the owner of a job says of its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Text of the schedule; `None` is none.
    pub mode: Option<String>,
    /// How the text is read and what its instants do.
    pub rules: ScheduleRules,
    /// Whether it is to fire; needs a text.
    pub active: bool,
    /// Since when this is so: nothing before it fires.
    pub effective_from: DateTime<Utc>,
}

/// What an edit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// Whether a new generation begins; the old one fires no more once this is
    /// committed. If it says what was there already, remaining runs stay.
    pub is_new: bool,
    /// Where a text without a start begins.
    pub anchor: DateTime<Utc>,
}

/// A row as it is stored, with ids and rules not yet typed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = schedules)]
struct Row {
    job_id: i64,
    mode: Option<String>,
    rules: Value,
    anchor: DateTime<Utc>,
    active: bool,
    generation: i64,
    effective_from: DateTime<Utc>,
    observed_generation: i64,
    next_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Schedule {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let revision = Revision {
            generation: row.generation,
            mode: row.mode,
            rules: read_rules(row.rules, JobId(row.job_id))?,
            anchor: row.anchor,
            active: row.active,
            effective_from: row.effective_from,
        };
        Ok(Self {
            job_id: JobId(row.job_id),
            revision,
            observed_generation: row.observed_generation,
            next_at: row.next_at,
            due_at: row.due_at,
        })
    }
}

pub(crate) fn read_rules(rules: Value, job: JobId) -> Result<ScheduleRules, StoreError> {
    serde_json::from_value(rules).map_err(|error| StoreError::Unknown {
        what: "form of schedule rules",
        value: format!("job {job}: {error}"),
    })
}

pub(crate) fn rules_value(rules: &ScheduleRules) -> Result<Value, StoreError> {
    let written = serde_json::to_value(rules);
    written.map_err(|error| diesel::result::Error::SerializationError(error.into()).into())
}

/// Says anew what a locked schedule is to do. Where nothing is new, generation,
/// anchor and remaining runs stay.
pub async fn edit(
    conn: &mut AsyncPgConnection,
    current: &Schedule,
    intent: &Intent,
) -> Result<Edited, StoreError> {
    let said = &current.revision;
    let is_same_text = said.mode == intent.mode;
    if is_same_text && said.active == intent.active && said.rules == intent.rules {
        return Ok(Edited {
            is_new: false,
            anchor: said.anchor,
        });
    }
    let anchor = if is_same_text {
        said.anchor
    } else {
        intent.effective_from
    };
    diesel::update(schedules::table)
        .filter(schedules::job_id.eq(current.job_id.0))
        .set((
            schedules::mode.eq(&intent.mode),
            schedules::rules.eq(rules_value(&intent.rules)?),
            schedules::anchor.eq(anchor),
            schedules::active.eq(intent.active),
            schedules::effective_from.eq(intent.effective_from),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .execute(conn)
        .await?;
    Ok(Edited {
        is_new: true,
        anchor,
    })
}

/// Ends a schedule for good: its job is being deleted.
pub async fn stop(conn: &mut AsyncPgConnection, job: JobId) -> Result<(), StoreError> {
    diesel::update(schedules::table)
        .filter(schedules::job_id.eq(job.0))
        .filter(schedules::mode.is_not_null())
        .set((
            schedules::mode.eq(None::<&str>),
            schedules::active.eq(false),
            schedules::effective_from.eq(diesel::dsl::now),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
