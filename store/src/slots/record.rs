//! Adds to a schedule's ledger. Instants that follow one another with one fate are
//! one entry, so that a job that is busy for a day costs no entry a second.

use chrono::{DateTime, Utc};
use diesel::prelude::OptionalExtension;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use super::{Slot, SlotOutcome, insert};
use crate::StoreError;
use crate::schedules::Range;
use crate::statement::{newest_entry, statement};

statement! {
    GrowStatement {
        last_at: DateTime<Utc> as Timestamptz,
        count: i64 as BigInt,
        job: i64 as BigInt,
        generation: i64 as BigInt,
        outcome: &'static str as diesel::sql_types::Text,
        reason: &'static str as diesel::sql_types::Text,
    } -> BigInt = concat!(
        "UPDATE slots entry SET last_at = ?, count = entry.count + ?
         WHERE entry.job_id = ? AND entry.generation = ? AND entry.backfill_id = 0
             AND entry.outcome = ? AND entry.reason = ?
             AND entry.first_at = (",
        newest_entry!("entry.job_id", "entry.generation"),
        ") RETURNING entry.count"
    );
}

/// Writes what became of the next instants of a schedule, in their order. The
/// caller has locked the schedule, so no other entry of it can come between.
pub async fn record(
    conn: &mut AsyncPgConnection,
    job: JobId,
    ranges: &[Range],
) -> Result<(), StoreError> {
    let (planned, mut new): (Vec<Range>, Vec<Range>) = ranges
        .iter()
        .partition(|range| !range.outcome.was_never_planned());
    let mut planned = joined(planned);
    if let [first, ..] = &planned[..]
        && grow(conn, job, first).await?
    {
        planned.remove(0);
    }
    new.extend(planned);
    let rows: Vec<Slot> = new.into_iter().map(|range| Slot::new(job, range)).collect();
    insert(conn, &rows).await
}

/// Ranges that follow one another with one fate, as one.
fn joined(ranges: Vec<Range>) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.outcome == range.outcome && may_grow(range.outcome) => {
                last.last_at = range.last_at;
                last.count += range.count;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Whether one entry can stand for many: not one that has, or is to have, an exec.
fn may_grow(outcome: SlotOutcome) -> bool {
    outcome.reason().is_some()
}

/// Adds a range to the newest entry if that has the same fate; says whether it has.
async fn grow(conn: &mut AsyncPgConnection, job: JobId, range: &Range) -> Result<bool, StoreError> {
    let Some(reason) = range.outcome.reason() else {
        return Ok(false);
    };
    let statement = GrowStatement {
        last_at: range.last_at,
        count: range.count,
        job: job.0,
        generation: range.generation,
        outcome: range.outcome.as_str(),
        reason,
    };
    let grown: Option<i64> = statement.get_result(conn).await.optional()?;
    Ok(grown.is_some())
}
