//! What a recurrence consists of.

use chrono::{DateTime, Utc};

/// A planned instant, whether or not it is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// When; a whole microsecond.
    pub at: DateTime<Utc>,
    /// Whether it is to run.
    pub fate: Fate,
}

/// Whether a slot is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is.
    Planned,
    /// It falls on an exclusion.
    Excluded,
    /// The clock jumped over its wall time, and [`crate::GapRule::Skip`] applies.
    DstGap,
}

/// Numbers of slots by their fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts {
    /// Slots that are to run.
    pub planned: u64,
    /// Slots on exclusions.
    pub excluded: u64,
    /// Slots whose wall time the clock jumped over.
    pub dst_gap: u64,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.planned + self.excluded + self.dst_gap
    }

    /// Those of one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        match fate {
            Fate::Planned => self.planned,
            Fate::Excluded => self.excluded,
            Fate::DstGap => self.dst_gap,
        }
    }

    pub(crate) fn add(&mut self, fate: Fate, count: u64) {
        *match fate {
            Fate::Planned => &mut self.planned,
            Fate::Excluded => &mut self.excluded,
            Fate::DstGap => &mut self.dst_gap,
        } += count;
    }
}
