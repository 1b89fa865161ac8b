//! What becomes of the instants of a schedule that are due: a pure function of
//! the schedule and the time, so that one step accounts for any outage.

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::Recurrence;
use shared_types::{CatchUp, Lane, ScheduleRules};
use store::clock::just_after;
use store::schedules::Range;
use store::slots::{MissReason, SlotOutcome};

use crate::account::{ON_TIME, ranges};

/// Instants on time that one step fires at most; should a schedule of
/// microseconds have more, it has outrun this scheduler.
const ON_TIME_LIMIT: u64 = 100;

/// A planned schedule, as far as this function looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Which edit it is.
    pub generation: i64,
    /// The first instant that nothing became of yet.
    pub next_at: DateTime<Utc>,
    /// What its instants do.
    pub rules: &'a ScheduleRules,
    /// How long after their instants its execs start.
    pub delay: TimeDelta,
}

/// The fate of every instant that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Those that do not fire.
    pub settled: Vec<Range>,
    /// Those that fire if the overlap policy agrees, oldest first.
    pub wanted: Vec<Wanted>,
    /// The first instant that is not due yet.
    pub next_at: Option<DateTime<Utc>>,
    /// When there is something to fire again.
    pub due_at: Option<DateTime<Utc>>,
}

/// An instant that is to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The planned instant.
    pub slot_at: DateTime<Utc>,
    /// Low if it is made up for.
    pub lane: Lane,
}

/// Accounts for the instants from `next_at` to now.
///
/// Instants on time are to fire; of older ones those that the catch-up policy
/// makes up for. What is past its start deadline is not, and says so. Each
/// instant uses one of `Rn`'s runs, whatever becomes of it.
pub fn decide(standing: &Standing<'_>, recurrence: &Recurrence, now: DateTime<Utc>) -> Decision {
    let due = now - standing.delay;
    let end = just_after(due).max(standing.next_at);
    let mut wanted = wanted(standing, recurrence, due, end);
    let first_wanted = wanted.first().map_or(end, |first| first.slot_at);
    let away = SlotOutcome::Missed(MissReason::SchedulerAway);
    let mut settled = ranges(
        recurrence,
        standing.generation,
        (standing.next_at, first_wanted),
        away,
    );
    let deadline = standing.rules.deadline().unwrap_or(TimeDelta::MAX);
    let late = wanted.partition_point(|wanted| now - wanted.slot_at > deadline);
    let kept = wanted.split_off(late);
    let first_kept = kept.first().map_or(end, |first| first.slot_at);
    let mut rest = ranges(
        recurrence,
        standing.generation,
        (first_wanted, first_kept),
        SlotOutcome::Missed(MissReason::StartDeadline),
    );
    // Between the kept ones only instants that were never to run are left.
    if recurrence.count_between(first_kept, end).planned
        < recurrence.count_between(first_kept, end).total()
    {
        let others = ranges(recurrence, standing.generation, (first_kept, end), away);
        rest.extend(others.into_iter().filter(|range| range.outcome != away));
    }
    join(&mut settled, rest);
    Decision {
        settled,
        wanted: kept,
        next_at: recurrence.first_at_or_after(end).map(|slot| slot.at),
        due_at: due_at(recurrence, end, standing.delay),
    }
}

/// When a schedule that stands at `from` has something to fire.
pub fn due_at(
    recurrence: &Recurrence,
    from: DateTime<Utc>,
    delay: TimeDelta,
) -> Option<DateTime<Utc>> {
    recurrence.next_planned(from)?.checked_add_signed(delay)
}

/// Adds ranges, each to an earlier one of the same fate if there is one.
fn join(settled: &mut Vec<Range>, more: Vec<Range>) {
    for range in more {
        match settled
            .iter_mut()
            .find(|known| known.outcome == range.outcome)
        {
            Some(known) => {
                known.last_at = range.last_at;
                known.count += range.count;
            }
            None => settled.push(range),
        }
    }
}

/// The instants to fire among those before `end`, oldest first; no planned
/// instant lies between them.
fn wanted(
    standing: &Standing<'_>,
    recurrence: &Recurrence,
    due: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Vec<Wanted> {
    let before = |at: DateTime<Utc>| recurrence.nth_planned_before(at, 0);
    let newest = std::iter::successors(before(end), |at| before(*at))
        .take_while(|at| *at >= standing.next_at);
    let mut wanted = Vec::new();
    for (n, slot_at) in (0_u64..).zip(newest) {
        let is_on_time = slot_at > due - ON_TIME;
        if is_on_time && n < ON_TIME_LIMIT {
            let lane = Lane::Normal;
            wanted.push(Wanted { slot_at, lane });
            continue;
        }
        let made_up = wanted.iter().filter(|it| it.lane == Lane::Low).count();
        let is_made_up = match standing.rules.catch_up {
            CatchUp::None => false,
            CatchUp::Latest => wanted.is_empty() && is_current(recurrence, slot_at, due),
            CatchUp::All { limit, window } => {
                let is_recent = due - slot_at <= TimeDelta::seconds(window.into());
                is_recent && made_up < usize::try_from(limit).unwrap_or(usize::MAX)
            }
        };
        if is_on_time || !is_made_up {
            break;
        }
        let lane = Lane::Low;
        wanted.push(Wanted { slot_at, lane });
    }
    wanted.reverse();
    wanted
}

/// Whether the successor's time has not come, be it a run or not.
fn is_current(recurrence: &Recurrence, slot_at: DateTime<Utc>, due: DateTime<Utc>) -> bool {
    let successor = recurrence.endless().first_after(slot_at);
    successor.is_none_or(|successor| successor.at > due)
}
