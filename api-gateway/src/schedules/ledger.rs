//! The ledger instant by instant: a range stands for any number of instants, and
//! a page of them is found by counting, so that depth costs nothing.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use recurrence::{Fate, Recurrence};
use shared_types::schedule;
use store::clock::just_after;
use store::schedules::{Revision, Schedule};
use store::slots::{SkipReason, Slot, SlotFilter, SlotKey, SlotOutcome};

/// The planned instants of each generation of a job's schedule.
pub type Generations = HashMap<i64, Recurrence>;

/// Reads the generations; one whose text cannot be read planned nothing.
pub fn generations<'a>(revisions: impl Iterator<Item = &'a Revision>) -> Generations {
    revisions
        .filter_map(|revision| {
            let mode = revision.mode.as_deref()?;
            let read = schedule::recurrence(mode, &revision.rules, revision.anchor).ok()?;
            Some((revision.generation, read))
        })
        .collect()
}

/// What is known of instants that are in no row yet: those that a paused
/// schedule has passed over since, and those of an active one that were never
/// to run. They get their rows when it is resumed, or fires; the scheduler counts them
/// then as they are counted here (its `account::ranges`), and no service links another.
pub fn pending(schedule: &Schedule, generations: &Generations, now: DateTime<Utc>) -> Vec<Slot> {
    let revision = &schedule.revision;
    let is_planned = schedule.observed_generation == revision.generation;
    let (Some(from), Some(recurrence), true) = (
        schedule.next_at,
        generations.get(&revision.generation),
        is_planned,
    ) else {
        return Vec::new();
    };
    let until = just_after(now);
    let paused = (!revision.active).then_some((Fate::Planned, SkipReason::Paused));
    let fates = [
        paused,
        Some((Fate::Excluded, SkipReason::Excluded)),
        Some((Fate::DstGap, SkipReason::DstGap)),
    ];
    let counts = recurrence.count_between(from, until);
    let range = |(fate, reason): (Fate, SkipReason)| {
        let count = counts.of(fate);
        let nth = |n| recurrence.nth_of(fate, (from, until), n);
        Some(Slot {
            job_id: schedule.job_id,
            generation: revision.generation,
            backfill_id: None,
            first_at: nth(0)?,
            last_at: nth(count.checked_sub(1)?)?,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            outcome: SlotOutcome::Skipped(reason),
        })
    };
    fates.into_iter().flatten().filter_map(range).collect()
}

/// Whether an entry passes a filter's outcomes.
pub fn passes(filter: &SlotFilter, slot: &Slot) -> bool {
    filter.outcomes.is_empty() || filter.outcomes.contains(&slot.outcome.as_str())
}

/// Where a page of instants begins and which way it runs.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// Entries beyond this one; from the end of the list if there is none.
    pub key: Option<SlotKey>,
    /// Oldest first.
    pub is_ascending: bool,
    /// How many.
    pub limit: usize,
}

/// The next instants of entries and ranges in order, each as an entry.
pub fn page(
    mut entries: Vec<Slot>,
    ranges: &[Slot],
    generations: &Generations,
    filter: &SlotFilter,
    walk: Walk,
) -> Vec<Slot> {
    for range in ranges {
        entries.extend(part(
            range,
            generations.get(&range.generation),
            filter,
            walk,
        ));
    }
    entries.sort_by_key(Slot::key);
    entries.dedup_by_key(|slot| slot.key());
    if !walk.is_ascending {
        entries.reverse();
    }
    entries.truncate(walk.limit);
    entries
}

/// How many instants of a range lie within the filter's times.
pub fn count(range: &Slot, generations: &Generations, filter: &SlotFilter) -> i64 {
    let Some(recurrence) = generations.get(&range.generation) else {
        return range.count;
    };
    let (from, until) = window(range, filter);
    let counts = recurrence.count_between(from, until);
    i64::try_from(counts.of(fate(range))).unwrap_or(i64::MAX)
}

/// The instants of a range that a page may have.
fn part(
    range: &Slot,
    recurrence: Option<&Recurrence>,
    filter: &SlotFilter,
    walk: Walk,
) -> Vec<Slot> {
    let (mut from, mut until) = window(range, filter);
    // Of the key's own instant only what lies on this side of the key.
    if let Some(key) = walk.key {
        let own = SlotKey {
            slot_at: key.slot_at,
            ..range.key()
        };
        if walk.is_ascending {
            from = from.max(if own > key {
                key.slot_at
            } else {
                just_after(key.slot_at)
            });
        } else {
            until = until.min(if own < key {
                just_after(key.slot_at)
            } else {
                key.slot_at
            });
        }
    }
    let Some(recurrence) = recurrence else {
        return Vec::new();
    };
    let fate = fate(range);
    let count = recurrence.count_between(from, until).of(fate);
    let shown = count.min(u64::try_from(walk.limit).unwrap_or(u64::MAX));
    let first = if walk.is_ascending { 0 } else { count - shown };
    let single = |at| Slot {
        first_at: at,
        last_at: at,
        count: 1,
        ..range.clone()
    };
    (first..first + shown)
        .filter_map(|n| recurrence.nth_of(fate, (from, until), n))
        .map(single)
        .collect()
}

/// The part of a range within the filter's times.
fn window(range: &Slot, filter: &SlotFilter) -> (DateTime<Utc>, DateTime<Utc>) {
    let end = just_after(range.last_at);
    (
        filter
            .from
            .map_or(range.first_at, |from| from.max(range.first_at)),
        filter.until.map_or(end, |until| until.min(end)),
    )
}

/// Which of a schedule's slots a range stands for.
fn fate(range: &Slot) -> Fate {
    match range.outcome {
        SlotOutcome::Skipped(SkipReason::Excluded) => Fate::Excluded,
        SlotOutcome::Skipped(SkipReason::DstGap) => Fate::DstGap,
        _ => Fate::Planned,
    }
}
