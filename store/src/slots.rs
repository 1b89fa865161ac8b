//! `slots`: the ledger. Each planned instant of a schedule is in it once, with
//! what became of it; a long outage is one row that stands for all of its
//! instants of one kind.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId};
use uuid::Uuid;

mod outcome;
mod page;
mod queue;
mod record;

pub use outcome::{CancelReason, CoalesceReason, MissReason, SkipReason, SlotOutcome};
pub use page::{SlotFilter, SlotKey, count_ranges, count_singles, ranges, singles};
pub(crate) use queue::QUEUED;
pub use queue::{Fired, Ready, Release, close, queued, ready, release};
pub use record::record;

use crate::StoreError;
use crate::schedules::Range;
use crate::schema::slots;

/// One planned instant, or several that had the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Whose schedule planned it.
    pub job_id: JobId,
    /// Which edit of the schedule.
    pub generation: i64,
    /// The backfill that ran it after the fact; `None` is the schedule itself.
    pub backfill_id: Option<i64>,
    /// The first instant.
    pub first_at: DateTime<Utc>,
    /// The last one; the same where it is only one.
    pub last_at: DateTime<Utc>,
    /// How many of the schedule's instants between them, both included, had
    /// this fate.
    pub count: i64,
    /// What became of them.
    pub outcome: SlotOutcome,
}

impl Slot {
    /// An entry of the schedule itself.
    pub fn new(job_id: JobId, range: Range) -> Self {
        Self {
            job_id,
            generation: range.generation,
            backfill_id: None,
            first_at: range.first_at,
            last_at: range.last_at,
            count: range.count,
            outcome: range.outcome,
        }
    }
}

/// Writes entries, all or none; those of fired instants after their execs.
pub async fn insert(conn: &mut AsyncPgConnection, new: &[Slot]) -> Result<(), StoreError> {
    let rows: Vec<_> = new
        .iter()
        .map(|slot| {
            (
                slots::job_id.eq(slot.job_id.0),
                slots::generation.eq(slot.generation),
                slots::backfill_id.eq(slot.backfill_id.unwrap_or(0)),
                slots::first_at.eq(slot.first_at),
                slots::last_at.eq(slot.last_at),
                slots::count.eq(slot.count),
                slots::outcome.eq(slot.outcome.as_str()),
                slots::reason.eq(slot.outcome.reason()),
                slots::exec_id.eq(slot.outcome.exec_id().map(|exec| exec.0)),
                slots::lane.eq(slot.outcome.lane().map(shared_types::Lane::as_str)),
            )
        })
        .collect();
    diesel::insert_into(slots::table)
        .values(rows)
        .execute(conn)
        .await?;
    Ok(())
}

/// A row as it is stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = slots)]
pub(crate) struct Row {
    job_id: i64,
    generation: i64,
    backfill_id: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    count: i64,
    outcome: String,
    reason: Option<String>,
    exec_id: Option<Uuid>,
    lane: Option<String>,
}

impl TryFrom<Row> for Slot {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let reason = row.reason.as_deref();
        let outcome = match (row.exec_id, row.lane.as_deref()) {
            (Some(exec), None) if row.outcome == "fired" => Some(SlotOutcome::Fired(ExecId(exec))),
            (None, Some(lane)) if row.outcome == "queued" => {
                shared_types::Lane::parse(lane).map(SlotOutcome::Queued)
            }
            _ => SlotOutcome::settled(&row.outcome, reason.unwrap_or_default()),
        };
        Ok(Self {
            job_id: JobId(row.job_id),
            generation: row.generation,
            backfill_id: Some(row.backfill_id).filter(|id| *id != 0),
            first_at: row.first_at,
            last_at: row.last_at,
            count: row.count,
            outcome: outcome.ok_or_else(|| StoreError::Unknown {
                what: "slot outcome",
                value: format!("{} {}", row.outcome, reason.unwrap_or_default()),
            })?,
        })
    }
}

/// The ledger of a job, oldest first.
pub async fn list(conn: &mut AsyncPgConnection, job: JobId) -> Result<Vec<Slot>, StoreError> {
    let rows: Vec<Row> = slots::table
        .filter(slots::job_id.eq(job.0))
        .order((slots::generation, slots::first_at, slots::backfill_id))
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(Slot::try_from).collect()
}
