//! What is wrong with a schedule's text, where, and what would be right.

use thiserror::Error;

/// The forms that [`crate::Recurrence::parse`] reads, for people.
pub const ACCEPTED_FORMS: &str = "accepted are Rn/<start>/PT<n>H<n>M<n>S (n runs in all) and \
     R/<start>/PT<n>H<n>M<n>S (for ever), e.g. R1/2015-12-31T16:00:23.446Z/PT1H";

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {offset}: {kind}")]
pub struct ParseError {
    offset: usize,
    kind: ParseErrorKind,
}

impl ParseError {
    pub(crate) fn new(offset: usize, kind: ParseErrorKind) -> Self {
        Self { offset, kind }
    }

    /// Where in the text, in bytes from its beginning.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }
}

/// What is wrong at the offset of a [`ParseError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Not a repeating interval at all, such as a cron expression.
    #[error("this is not a repeating interval; {ACCEPTED_FORMS}")]
    UnknownForm,
    /// `R0`.
    #[error("R0 would never run; write R1 for one run, R for ever")]
    NoRuns,
    /// More runs than can be counted.
    #[error("the number of runs is too large; write at most R{max}, or R for ever", max = u64::MAX)]
    TooManyRuns,
    /// `R//PT1H`, or a period where the start belongs.
    #[error("the start is missing; write it as in R1/2015-12-31T16:00:23Z/PT1H")]
    MissingStart,
    /// Something else was expected here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The date or time of day is not on the calendar.
    #[error("{0}")]
    NoSuchTime(&'static str),
    /// Years, months, weeks or days in the period.
    #[error(
        "periods of years, months, weeks or days are not read yet; \
         write the period in hours, minutes and seconds, e.g. PT24H; {ACCEPTED_FORMS}"
    )]
    CalendarPeriod,
    /// An end where the period belongs.
    #[error("an interval by its end is not read yet; give the period, e.g. PT1H; {ACCEPTED_FORMS}")]
    EndInsteadOfPeriod,
    /// A unit came twice or after a smaller one.
    #[error("units come once each and in the order H, M, S, e.g. PT1H30M")]
    UnitOrder,
    /// A fraction that is not in the last number.
    #[error("only the last number of a period may have a fraction, e.g. PT1H0.5M")]
    FractionNotLast,
    /// More than nine digits after the point.
    #[error("a fraction has at most nine digits (nanoseconds)")]
    FractionTooLong,
    /// A number of a period that cannot be kept.
    #[error("the number is too large; write at most {max}", max = u64::MAX)]
    NumberTooLarge,
    /// The period is zero or finer than what databases keep apart.
    #[error("the period is too short; the shortest is one microsecond, PT0.000001S")]
    PeriodTooShort,
    /// The text goes on after the period.
    #[error("nothing may follow the period")]
    TrailingText,
}
