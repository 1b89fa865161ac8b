//! What a new generation of a schedule begins with, and what becomes of the
//! instants of those before it: a pure function of its rows.

use chrono::{DateTime, Utc};
use shared_types::{JobId, schedule};
use store::schedules::{Plan, Range, Revision, Schedule};
use store::slots::{CancelReason, MissReason, SkipReason, SlotOutcome};

use crate::account::{ON_TIME, ranges};
use crate::decision::due_at;

/// Reads the schedule's text and finds its first instant that is not before
/// `effective_from`. A text that cannot be read is told in `error` and planned
/// as never, so that nothing tries it again until it is edited. `earlier` are
/// the generations before it, from the one observed last.
pub fn plan(schedule: &Schedule, earlier: &[Revision]) -> Plan {
    let revision = &schedule.revision;
    let mut plan = Plan {
        job_id: schedule.job_id,
        generation: revision.generation,
        observed_generation: schedule.observed_generation,
        next_at: None,
        due_at: None,
        error: None,
        settled: superseded(schedule, earlier),
        unqueued: if revision.active || revision.mode.is_none() {
            CancelReason::Edited
        } else {
            CancelReason::Paused
        },
    };
    let Some(mode) = &revision.mode else {
        return plan;
    };
    match schedule::recurrence(mode, &revision.rules, revision.anchor) {
        Ok(recurrence) => {
            let first = recurrence.first_at_or_after(revision.effective_from);
            plan.next_at = first.map(|slot| slot.at);
            // A paused one keeps its place, so that it can be told what passed.
            let is_live = |_: &DateTime<Utc>| revision.active;
            let delay = revision.rules.delay(schedule.job_id);
            plan.due_at = plan
                .next_at
                .filter(is_live)
                .and_then(|next_at| due_at(&recurrence, next_at, delay));
        }
        Err(error) => plan.error = Some(error.to_string()),
    }
    plan
}

/// The instants of earlier generations that nothing became of, each until its
/// successor took effect.
fn superseded(schedule: &Schedule, earlier: &[Revision]) -> Vec<Range> {
    let successors = earlier.iter().skip(1).chain([&schedule.revision]);
    earlier
        .iter()
        .zip(successors)
        .flat_map(|(revision, successor)| {
            let from = if revision.generation == schedule.observed_generation {
                schedule.next_at
            } else {
                Some(revision.effective_from)
            };
            let until = successor.effective_from;
            from.map_or_else(Vec::new, |from| {
                remainder(schedule.job_id, revision, from, until)
            })
        })
        .collect()
}

fn remainder(
    job: JobId,
    revision: &Revision,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Range> {
    let recurrence = revision
        .mode
        .as_deref()
        .map(|mode| schedule::recurrence(mode, &revision.rules, revision.anchor));
    // What could not be read planned nothing.
    let Some(Ok(recurrence)) = recurrence else {
        return Vec::new();
    };
    if from >= until {
        return Vec::new();
    }
    let part =
        |from, until, outcome| ranges(&recurrence, revision.generation, (from, until), outcome);
    if !revision.active {
        return part(from, until, SlotOutcome::Skipped(SkipReason::Paused));
    }
    // What had been due for longer was not lost by the edit.
    let on_time = (until - revision.rules.delay(job) - ON_TIME).max(from);
    let mut ranges = part(
        from,
        on_time,
        SlotOutcome::Missed(MissReason::SchedulerAway),
    );
    ranges.extend(part(
        on_time,
        until,
        SlotOutcome::Cancelled(CancelReason::Edited),
    ));
    ranges
}
