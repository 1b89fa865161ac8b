//! The questions themselves, in microseconds: each looks at whole stretches of the
//! zone, of which there are few, and counts within them.

use super::part::Part;
use super::{CLOCKS, Found, Inner, LOOKED_BEHIND};
use crate::calendar::{DAY, FIRST, LAST};
use crate::rules::GapRule;
use crate::slot::{Counts, Fate};
use crate::zone::Stretch;

impl Inner {
    pub(super) fn stretch(&self, at: i64) -> Stretch {
        if self.line.is_elapsed() && self.exclusions.is_empty() {
            return Stretch::whole(0);
        }
        self.zone.stretch(at)
    }

    pub(super) fn fate(&self, at: i64, is_gap: bool) -> Fate {
        let day = || (at + self.zone.stretch(at).offset).div_euclid(DAY);
        if !self.exclusions.is_empty() && self.exclusions.contains(day()) {
            Fate::Excluded
        } else if is_gap && self.gap == GapRule::Skip {
            Fate::DstGap
        } else {
            Fate::Planned
        }
    }

    pub(super) fn first(&self, mut t: i64) -> Option<Found> {
        t = t.max(FIRST);
        while t <= self.last {
            let part = Part::new(self, self.stretch(t));
            if let Some(gap) = part.gap.filter(|gap| *gap >= t) {
                return Some((gap, true));
            }
            let point = self.line.first(part.point(t).max(part.from));
            if let Some(point) = point.filter(|point| *point < part.until) {
                let at = part.instant(point);
                return (at <= self.last).then_some((at, false));
            }
            // Nothing before that point, so no gap either.
            let next = self.line.first(part.next)?;
            t = part.stretch.end.max(next - CLOCKS);
        }
        None
    }

    pub(super) fn last(&self, t: i64) -> Option<Found> {
        let mut t = t.min(self.last + 1);
        while t > FIRST {
            let part = Part::new(self, self.stretch(t - 1));
            let point = self.line.last(part.point(t).min(part.until));
            if let Some(point) = point.filter(|point| *point >= part.from) {
                return Some((part.instant(point), false));
            }
            if let Some(gap) = part.gap.filter(|gap| *gap < t) {
                return Some((gap, true));
            }
            let previous = self.line.last(part.previous)?;
            t = part.stretch.start.min(previous + CLOCKS);
        }
        None
    }

    pub(super) fn nth(&self, mut t: i64, mut n: u64) -> Option<Found> {
        t = t.max(FIRST);
        // A point is two slots at most, on a day when its time comes twice.
        let points = self.line.count(t.saturating_sub(CLOCKS), LAST);
        if n / 2 > points {
            return None;
        }
        while t <= self.last {
            let part = Part::new(self, self.stretch(t));
            if let Some(gap) = part.gap.filter(|gap| *gap >= t) {
                if n == 0 {
                    return Some((gap, true));
                }
                n -= 1;
            }
            let from = part.point(t).max(part.from);
            let (before, count) = (self.line.rank(from), self.line.count(from, part.until));
            if n < count {
                let at = part.instant(self.line.select(before + n)?);
                return (at <= self.last).then_some((at, false));
            }
            n -= count;
            let next = self.line.first(part.next)?;
            t = part.stretch.end.max(next - CLOCKS);
        }
        None
    }

    pub(super) fn count(&self, a: i64, b: i64) -> Counts {
        let mut counts = Counts::default();
        let (mut t, b) = (a.max(FIRST), b.min(self.last + 1));
        while t < b {
            let part = Part::new(self, self.stretch(t));
            let end = part.stretch.end.min(b);
            part.count(self, (t, end), &mut counts);
            t = end;
        }
        counts
    }

    pub(super) fn nth_of(&self, fate: Fate, (a, b): (i64, i64), n: u64) -> Option<i64> {
        let counts = self.count(a, b);
        if counts.of(fate) <= n {
            return None;
        }
        // The answer is the slot number `low ..= high`; n of them if all are such.
        let (mut low, mut high) = (n, counts.total() - (counts.of(fate) - n));
        while low < high {
            let middle = low + (high - low) / 2;
            let (at, _) = self.nth(a, middle)?;
            if self.count(a, at + 1).of(fate) <= n {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.nth(a, low).map(|(at, _)| at)
    }

    pub(super) fn next_planned(&self, mut t: i64) -> Option<i64> {
        for _ in 0..LOOKED_BEHIND {
            let (at, is_gap) = self.first(t)?;
            t = match self.fate(at, is_gap) {
                Fate::Planned => return Some(at),
                Fate::DstGap => at + 1,
                Fate::Excluded => {
                    let stretch = self.zone.stretch(at);
                    let day = (at + stretch.offset).div_euclid(DAY);
                    let (_, end) = self.exclusions.run_around(day);
                    (end * DAY - stretch.offset).min(stretch.end).max(at + 1)
                }
            };
        }
        None
    }

    pub(super) fn last_planned(&self, mut t: i64) -> Option<i64> {
        for _ in 0..LOOKED_BEHIND {
            let (at, is_gap) = self.last(t)?;
            t = match self.fate(at, is_gap) {
                Fate::Planned => return Some(at),
                Fate::DstGap => at,
                Fate::Excluded => {
                    let stretch = self.zone.stretch(at);
                    let day = (at + stretch.offset).div_euclid(DAY);
                    let (start, _) = self.exclusions.run_around(day);
                    (start * DAY - stretch.offset).max(stretch.start).min(at)
                }
            };
        }
        None
    }
}
