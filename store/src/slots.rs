//! `slots`: the ledger. Each planned instant of a schedule is in it once, with
//! what became of it; a long outage is one row that stands for all of its
//! instants.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, JobId};
use uuid::Uuid;

use crate::StoreError;
use crate::schema::slots;

/// One planned instant, or several in a row that had the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Whose schedule planned it.
    pub job_id: JobId,
    /// Which edit of the schedule.
    pub generation: i64,
    /// The first instant.
    pub first_at: DateTime<Utc>,
    /// The last one; the same where it is only one.
    pub last_at: DateTime<Utc>,
    /// How many, both ends included.
    pub count: i64,
    /// What became of them.
    pub outcome: SlotOutcome,
}

/// What became of a planned instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotOutcome {
    /// It has this exec.
    Fired(ExecId),
    /// The schedule's policy said not to run.
    Skipped(SkipReason),
    /// It passed and was too old to be made up for.
    Missed(MissReason),
}

/// Why a policy said not to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// An earlier exec of the job had not ended.
    Overlap,
}

/// Why an instant passed unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissReason {
    /// No scheduler was there, or none kept up.
    SchedulerAway,
}

impl SlotOutcome {
    /// The word in the database and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired(_) => "fired",
            Self::Skipped(_) => "skipped",
            Self::Missed(_) => "missed",
        }
    }

    /// The word for why not; a fired instant needs none.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Fired(_) => None,
            Self::Skipped(SkipReason::Overlap) => Some("overlap"),
            Self::Missed(MissReason::SchedulerAway) => Some("scheduler_away"),
        }
    }

    /// The exec, if it fired.
    pub fn exec_id(self) -> Option<ExecId> {
        match self {
            Self::Fired(exec) => Some(exec),
            Self::Skipped(_) | Self::Missed(_) => None,
        }
    }

    fn read(outcome: &str, reason: Option<&str>, exec: Option<Uuid>) -> Result<Self, StoreError> {
        match (outcome, reason, exec) {
            ("fired", None, Some(exec)) => Ok(Self::Fired(ExecId(exec))),
            ("skipped", Some("overlap"), None) => Ok(Self::Skipped(SkipReason::Overlap)),
            ("missed", Some("scheduler_away"), None) => Ok(Self::Missed(MissReason::SchedulerAway)),
            _ => Err(StoreError::Unknown {
                what: "slot outcome",
                value: format!("{outcome} {}", reason.unwrap_or_default()),
            }),
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
                slots::first_at.eq(slot.first_at),
                slots::last_at.eq(slot.last_at),
                slots::count.eq(slot.count),
                slots::outcome.eq(slot.outcome.as_str()),
                slots::reason.eq(slot.outcome.reason()),
                slots::exec_id.eq(slot.outcome.exec_id().map(|exec| exec.0)),
            )
        })
        .collect();
    diesel::insert_into(slots::table)
        .values(rows)
        .execute(conn)
        .await?;
    Ok(())
}

type Row = (
    i64,
    DateTime<Utc>,
    DateTime<Utc>,
    i64,
    String,
    Option<String>,
    Option<Uuid>,
);

/// The ledger of a job, oldest first.
pub async fn list(conn: &mut AsyncPgConnection, job: JobId) -> Result<Vec<Slot>, StoreError> {
    let rows: Vec<Row> = slots::table
        .filter(slots::job_id.eq(job.0))
        .order((slots::generation, slots::first_at))
        .select((
            slots::generation,
            slots::first_at,
            slots::last_at,
            slots::count,
            slots::outcome,
            slots::reason,
            slots::exec_id,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(
            |(generation, first_at, last_at, count, outcome, reason, exec)| {
                let outcome = SlotOutcome::read(&outcome, reason.as_deref(), exec)?;
                Ok(Slot {
                    job_id: job,
                    generation,
                    first_at,
                    last_at,
                    count,
                    outcome,
                })
            },
        )
        .collect()
}
