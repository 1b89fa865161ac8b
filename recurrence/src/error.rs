//! What is wrong with a schedule's text, where, and what would be right.

use thiserror::Error;

/// The forms that [`crate::Expression::parse`] reads, for people.
pub const ACCEPTED_FORMS: &str = "accepted are ISO 8601 repeating intervals, Rn/<start>/<period> \
     (n runs in all) or R/<start>/<period> (for ever), e.g. R1/2015-12-31T16:00:23.446Z/PT1H, \
     and cron expressions of 5 fields, or 6 with seconds first, e.g. 0 2 * * MON-FRI";

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {offset}: {message}")]
pub struct ParseError {
    offset: usize,
    message: String,
}

impl ParseError {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }

    /// Where in the text, in bytes from its beginning.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong and what would be right, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same in a longer text, in which this one begins at `base`.
    pub(crate) fn within(mut self, base: usize) -> Self {
        self.offset += base;
        self
    }
}

/// Why an exclusion cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("exclusion {index} (\"{item}\"), {source}")]
pub struct ExclusionError {
    pub(crate) index: usize,
    pub(crate) item: String,
    pub(crate) source: ParseError,
}

impl ExclusionError {
    /// Which one, from 0.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Why there is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no time zone \"{name}\"; {hint}")]
pub struct UnknownZone {
    pub(crate) name: String,
    pub(crate) hint: String,
}

/// Why an expression and its rules do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecurrenceError {
    /// The text itself cannot be read; only from [`crate::Recurrence::parse`].
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The start says an offset that its zone does not have then.
    #[error(
        "at byte {offset}: the start has the offset {said}, but {zone} has {right} then; \
         write {right}, or Z for UTC, or leave the offset out"
    )]
    OffsetOfAnotherZone {
        /// Where in the text.
        offset: usize,
        /// What the text says.
        said: String,
        /// The zone's name.
        zone: String,
        /// What the zone has.
        right: String,
    },
    /// The end is not after the start.
    #[error("the end is not after the start, so the period is not positive")]
    EndBeforeStart,
}
