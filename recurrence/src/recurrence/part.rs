//! The part of a line that lies in one stretch of its zone.

use super::Inner;
use crate::calendar::{DAY, FIRST, LAST};
use crate::rules::RepeatRule;
use crate::slot::{Counts, Fate};
use crate::zone::Stretch;

/// Points in `from..until` on the line's clock are slots of this stretch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) stretch: Stretch,
    pub(super) from: i64,
    pub(super) until: i64,
    /// The slot for wall times that the jump to this stretch left out.
    pub(super) gap: Option<i64>,
    /// On the line's clock, where what comes after this stretch begins; some of
    /// it may have been here before, if the clock is set back.
    pub(super) next: i64,
    /// Where what came before this stretch ends.
    pub(super) previous: i64,
    /// The line's clock minus UTC.
    shift: i64,
}

impl Part {
    pub(super) fn new(inner: &Inner, stretch: Stretch) -> Self {
        if inner.line.is_elapsed() {
            return Self {
                stretch,
                from: stretch.start,
                until: stretch.end,
                gap: None,
                next: stretch.end,
                previous: stretch.start,
                shift: 0,
            };
        }
        let Stretch {
            start,
            end,
            offset,
            before,
            after,
        } = stretch;
        // Wall times from the new offset to the old one came before the clock
        // was set back, and come again after it.
        let from = match inner.repeat {
            RepeatRule::First => start + offset.max(before),
            RepeatRule::Second | RepeatRule::Both => start + offset,
        };
        let until = match inner.repeat {
            RepeatRule::Second => end + offset.min(after),
            RepeatRule::First | RepeatRule::Both => end + offset,
        };
        let line = &inner.line;
        let is_left_out = before < offset
            && line.count(start + before, start + offset) > 0
            && line.count(start + offset, start + offset + 1) == 0;
        Self {
            stretch,
            from,
            until,
            gap: is_left_out.then_some(start),
            next: end + offset.min(after),
            previous: start + offset.max(before),
            shift: offset,
        }
    }

    /// What the line's clock shows at an instant of this stretch.
    pub(super) fn point(&self, instant: i64) -> i64 {
        instant + self.shift
    }

    pub(super) fn instant(&self, point: i64) -> i64 {
        point - self.shift
    }

    /// Counts the slots in `a <= slot < b`, which lie in this stretch.
    pub(super) fn count(&self, inner: &Inner, (a, b): (i64, i64), counts: &mut Counts) {
        if let Some(gap) = self.gap.filter(|gap| (a..b).contains(gap)) {
            counts.add(inner.fate(gap, true), 1);
        }
        let from = self.point(a).max(self.from).max(FIRST - DAY);
        let until = self.point(b).min(self.until).min(LAST + DAY);
        let all = inner.line.count(from, until);
        if all == 0 {
            return;
        }
        // From the line's clock to the wall clock, which knows the date.
        let wall = self.stretch.offset - self.shift;
        let first_day = (from + wall).div_euclid(DAY);
        let end_day = (until - 1 + wall).div_euclid(DAY) + 1;
        let excluded = inner
            .exclusions
            .runs(first_day, end_day)
            .map(|(first, end)| {
                let (first, end) = (first * DAY - wall, end * DAY - wall);
                inner.line.count(first.max(from), end.min(until))
            })
            .sum();
        counts.add(Fate::Excluded, excluded);
        counts.add(Fate::Planned, all - excluded);
    }
}
