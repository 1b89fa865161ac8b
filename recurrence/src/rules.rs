//! What a wall clock that is set forwards and back does to a schedule.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::exclusions::Exclusions;
use crate::zone::Zone;

/// What becomes of wall times that the clock jumps over.
///
/// However many fall into one gap, they are one slot, at the instant of the
/// jump, and none if the schedule has one there anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum GapRule {
    /// The slot does not run.
    Skip,
    /// The slot runs, at the first instant after the gap.
    FirstValid,
}

/// Which one counts of wall times that come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RepeatRule {
    /// The first.
    First,
    /// The second.
    Second,
    /// Both.
    Both,
}

/// A word that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be one of: {0}")]
pub struct UnknownRule(&'static str);

impl GapRule {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Skip, Self::FirstValid];

    /// The word that [`FromStr`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::FirstValid => "first_valid",
        }
    }
}

impl RepeatRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Both];

    /// The word that [`FromStr`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Both => "both",
        }
    }
}

impl FromStr for GapRule {
    type Err = UnknownRule;

    fn from_str(word: &str) -> Result<Self, UnknownRule> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.as_str() == word)
            .ok_or(UnknownRule("skip, first_valid"))
    }
}

impl FromStr for RepeatRule {
    type Err = UnknownRule;

    fn from_str(word: &str) -> Result<Self, UnknownRule> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.as_str() == word)
            .ok_or(UnknownRule("first, second, both"))
    }
}

impl fmt::Display for GapRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RepeatRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an expression becomes instants.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whose wall clock the expression speaks of.
    pub zone: Zone,
    /// `None` is [`GapRule::FirstValid`], but [`GapRule::Skip`] for a cron
    /// expression of every hour, which is meant to tick on evenly.
    pub gap: Option<GapRule>,
    /// `None` is [`RepeatRule::First`], but [`RepeatRule::Both`] for a cron
    /// expression of every hour.
    pub repeat: Option<RepeatRule>,
    /// Dates, by the wall clock of the zone, on which nothing runs.
    pub exclusions: Exclusions,
    /// Where an interval without a start begins, and what [`crate::Recurrence::kth`]
    /// of a cron expression counts from.
    pub anchor: DateTime<Utc>,
}

impl Default for Rules {
    /// UTC, without exclusions, from the Unix epoch.
    fn default() -> Self {
        Self {
            zone: Zone::utc(),
            gap: None,
            repeat: None,
            exclusions: Exclusions::none(),
            anchor: DateTime::UNIX_EPOCH,
        }
    }
}
