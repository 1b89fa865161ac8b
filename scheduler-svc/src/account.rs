//! What becomes of instants that do not fire: any number of them in at most
//! one range for each fate.

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{Fate, Recurrence};
use store::schedules::Range;
use store::slots::{SkipReason, SlotOutcome};

/// An instant up to this old when it is taken up is on time: a replica that
/// takes over from a dead one, or a slow database, makes nothing late. What is
/// older is for the catch-up policy.
pub const ON_TIME: TimeDelta = TimeDelta::seconds(10);

/// The ranges of the instants in `from <= instant < until`: planned ones have
/// the fate `planned`, the others their own. Sorted by their first instants.
pub fn ranges(
    recurrence: &Recurrence,
    generation: i64,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    planned: SlotOutcome,
) -> Vec<Range> {
    let fates = [
        (Fate::Planned, planned),
        (Fate::Excluded, SlotOutcome::Skipped(SkipReason::Excluded)),
        (Fate::DstGap, SlotOutcome::Skipped(SkipReason::DstGap)),
    ];
    let counts = recurrence.count_between(from, until);
    let mut ranges: Vec<Range> = fates
        .into_iter()
        .filter_map(|(fate, outcome)| {
            let count = counts.of(fate);
            let nth = |n| recurrence.nth_of(fate, (from, until), n);
            Some(Range {
                generation,
                first_at: nth(0)?,
                last_at: nth(count.checked_sub(1)?)?,
                count: i64::try_from(count).unwrap_or(i64::MAX),
                outcome,
            })
        })
        .collect();
    ranges.sort_by_key(|range| range.first_at);
    ranges
}
