//! What a clock change did to a slot, for people.

use std::fmt;

use chrono::NaiveDateTime;

use super::Inner;
use super::part::Part;
use crate::calendar::wall;
use crate::rules::{GapRule, RepeatRule};

/// What a clock change did to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockChange {
    /// Its wall time did not exist: it runs when the clock had jumped.
    Moved {
        /// The wall time that was planned; the first of them if there were more.
        from: NaiveDateTime,
        /// What the clock shows after the jump.
        to: NaiveDateTime,
    },
    /// Its wall time did not exist, so it does not run.
    LeftOut {
        /// The wall time that was planned; the first of them if there were more.
        planned: NaiveDateTime,
    },
    /// Its wall time comes twice; this is the first time.
    FirstOfTwo,
    /// Its wall time comes twice; this is the second time.
    SecondOfTwo,
}

impl fmt::Display for ClockChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |at: &NaiveDateTime| at.format("%H:%M:%S").to_string();
        match self {
            Self::Moved { from, to } => write!(
                f,
                "{} does not exist on this day; the clock goes forward to {}",
                clock(from),
                clock(to)
            ),
            Self::LeftOut { planned } => write!(
                f,
                "{} does not exist on this day, so nothing runs",
                clock(planned)
            ),
            Self::FirstOfTwo => {
                f.write_str("the clock goes back and shows this time twice; this is the first")
            }
            Self::SecondOfTwo => {
                f.write_str("the clock goes back and shows this time twice; this is the second")
            }
        }
    }
}

pub(super) fn of(inner: &Inner, at: i64) -> Option<ClockChange> {
    if inner.line.is_elapsed() || inner.first(at)?.0 != at {
        return None;
    }
    let stretch = inner.zone.stretch(at);
    let part = Part::new(inner, stretch);
    if part.gap == Some(at) {
        let planned = wall(inner.line.first(at + stretch.before)?);
        let to = wall(at + stretch.offset);
        return Some(match inner.gap {
            GapRule::FirstValid => ClockChange::Moved { from: planned, to },
            GapRule::Skip => ClockChange::LeftOut { planned },
        });
    }
    let shown = at + stretch.offset;
    if shown >= stretch.end + stretch.after && inner.repeat != RepeatRule::Second {
        Some(ClockChange::FirstOfTwo)
    } else if shown < stretch.start + stretch.before && inner.repeat != RepeatRule::First {
        Some(ClockChange::SecondOfTwo)
    } else {
        None
    }
}
