//! Instants at even distances: a point, and a period of months and time that is
//! added again and again.

use chrono::{Months, NaiveDateTime};

use crate::calendar::{FIRST, LAST, wall};

/// A length of time by the calendar: months, and microseconds on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Period {
    pub(crate) months: u32,
    pub(crate) micros: i64,
}

/// `anchor + k * period`, with k from `first_k` on. Always counted from the
/// anchor, so nothing drifts: a month too short for the anchor's day has its
/// last day instead, and the next one has the right day again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Progression {
    pub(crate) anchor: i64,
    pub(crate) period: Period,
    pub(crate) first_k: i64,
}

/// More than fit between the first and the last year.
const END_K: i64 = i64::MAX / 4;

impl Progression {
    /// The point of this k; `None` far beyond the years that are planned.
    fn at(&self, k: i64) -> Option<i64> {
        let anchor = if self.period.months == 0 {
            self.anchor
        } else {
            self.in_months(k)?
        };
        anchor.checked_add(self.period.micros.checked_mul(k)?)
    }

    fn in_months(&self, k: i64) -> Option<i64> {
        let months = i64::from(self.period.months).checked_mul(k)?;
        let distance = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        let anchor: NaiveDateTime = wall(self.anchor);
        let moved = if months < 0 {
            anchor.checked_sub_months(distance)
        } else {
            anchor.checked_add_months(distance)
        };
        Some(moved?.and_utc().timestamp_micros())
    }

    /// How many points lie before `x`.
    pub(crate) fn rank(&self, x: i64) -> u64 {
        // The first k whose point is not before x.
        let (mut low, mut high) = (self.first_k, self.bound(x));
        while low < high {
            let middle = low + (high - low) / 2;
            let is_before = self.at(middle).map_or(middle < 0, |at| at < x);
            if is_before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.abs_diff(self.first_k)
    }

    /// A k whose point is not before `x`: that of the anchor, or one so far on
    /// that periods of their shortest, with 28 days a month, have come there.
    fn bound(&self, x: i64) -> i64 {
        let shortest = i64::from(self.period.months)
            .saturating_mul(28 * crate::calendar::DAY)
            .saturating_add(self.period.micros)
            .max(1);
        let distance = x.saturating_sub(self.anchor).max(0);
        (distance / shortest)
            .saturating_add(1)
            .clamp(self.first_k, END_K)
    }

    /// The point number `n`, from 0.
    pub(crate) fn select(&self, n: u64) -> Option<i64> {
        let k = self.first_k.checked_add(i64::try_from(n).ok()?)?;
        self.at(k).filter(|at| (FIRST..=LAST).contains(at))
    }
}
