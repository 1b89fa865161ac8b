//! What becomes of the instants of a schedule that are due: a pure function of
//! the schedule and the time, so that one step accounts for any outage.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use recurrence::Recurrence;

/// The fate of every instant from `next_at` to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Instants too old to be made up for.
    pub missed: Option<Missed>,
    /// The newest instant, unless it is among the missed.
    pub latest: Option<Latest>,
    /// The first instant that is not due yet.
    pub next_at: Option<DateTime<Utc>>,
}

/// Instants in a row that passed unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The first of them.
    pub first_at: DateTime<Utc>,
    /// The last of them.
    pub last_at: DateTime<Utc>,
    /// How many.
    pub count: i64,
}

/// The newest instant and what the overlap policy says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// The planned instant.
    pub at: DateTime<Utc>,
    /// Whether it gets an exec.
    pub release: Release,
}

/// Whether a planned instant gets an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It does.
    Fire,
    /// It does not: an earlier exec of the job is still open.
    Overlap,
}

/// Accounts for the instants in `next_at ..= now`; `None` if there is nothing
/// to do yet.
///
/// The newest instant is made up for while its successor has not come (catch-up
/// of one within one period); everything older is missed. Each instant uses one
/// of `Rn`'s runs, whatever becomes of it.
pub fn fire(
    recurrence: &Recurrence,
    next_at: DateTime<Utc>,
    now: DateTime<Utc>,
    has_open_exec: bool,
) -> Option<Firing> {
    if next_at > now {
        return None;
    }
    let now = end_of_microsecond(now);
    let latest = recurrence
        .last_at_or_before(now)
        .filter(|latest| to_stored(*latest) >= next_at);
    let Some(latest) = latest else {
        // Not an instant of this schedule: find the next that is.
        let next_at = recurrence.first_at_or_after(next_at).map(to_stored);
        return Some(Firing {
            missed: None,
            latest: None,
            next_at,
        });
    };
    let successor = recurrence.endless().first_after(latest);
    let is_current = successor.is_none_or(|successor| successor > now);
    let release = if has_open_exec {
        Release::Overlap
    } else {
        Release::Fire
    };
    Some(Firing {
        missed: missed(recurrence, next_at, latest, is_current),
        latest: is_current.then_some(Latest {
            at: to_stored(latest),
            release,
        }),
        next_at: recurrence.first_after(latest).map(to_stored),
    })
}

fn missed(
    recurrence: &Recurrence,
    next_at: DateTime<Utc>,
    latest: DateTime<Utc>,
    is_current: bool,
) -> Option<Missed> {
    let older = recurrence.count_between(next_at, latest);
    let (count, last_at) = if is_current {
        let before = latest.checked_sub_signed(TimeDelta::nanoseconds(1))?;
        (older, recurrence.last_at_or_before(before)?)
    } else {
        (older.saturating_add(1), latest)
    };
    (count > 0).then(|| Missed {
        first_at: next_at,
        last_at: to_stored(last_at),
        count: i64::try_from(count).unwrap_or(i64::MAX),
    })
}

/// The instant as the database keeps it. No two instants of a recurrence fall
/// into one microsecond.
pub fn to_stored(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.trunc_subsecs(6)
}

/// The last moment that is stored as `instant` is.
fn end_of_microsecond(instant: DateTime<Utc>) -> DateTime<Utc> {
    let stored = to_stored(instant);
    stored
        .checked_add_signed(TimeDelta::nanoseconds(999))
        .unwrap_or(stored)
}
