//! An expression on its clock: points in order, found by counting.

use crate::calendar::{FIRST, LAST};
use crate::cron::Cron;
use crate::progression::Progression;

/// Strictly increasing points, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// On the clock of UTC: elapsed time, which no clock change touches.
    Elapsed(Progression),
    /// On the wall clock of the zone.
    Wall(Progression),
    /// On the wall clock of the zone.
    Cron(Cron),
}

impl Line {
    pub(crate) fn is_elapsed(&self) -> bool {
        matches!(self, Self::Elapsed(_))
    }

    /// How many points lie before `x`.
    pub(crate) fn rank(&self, x: i64) -> u64 {
        let x = x.clamp(FIRST, LAST + 1);
        match self {
            Self::Elapsed(progression) | Self::Wall(progression) => progression.rank(x),
            Self::Cron(cron) => cron.rank(x),
        }
    }

    /// The point number `n`, from 0.
    pub(crate) fn select(&self, n: u64) -> Option<i64> {
        match self {
            Self::Elapsed(progression) | Self::Wall(progression) => progression.select(n),
            Self::Cron(cron) => cron.select(n),
        }
    }

    /// How many points lie in `from..until`.
    pub(crate) fn count(&self, from: i64, until: i64) -> u64 {
        if until <= from {
            return 0;
        }
        self.rank(until) - self.rank(from)
    }

    /// The first point that is not before `x`.
    pub(crate) fn first(&self, x: i64) -> Option<i64> {
        self.select(self.rank(x))
    }

    /// The last point before `x`.
    pub(crate) fn last(&self, x: i64) -> Option<i64> {
        self.select(self.rank(x).checked_sub(1)?)
    }
}
