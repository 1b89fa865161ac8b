//! A schedule's text, read but not yet placed in a zone.

use std::str::FromStr;

use crate::cron::Cron;
use crate::error::{ACCEPTED_FORMS, ParseError};
use crate::iso::{self, Interval};

/// A schedule's text, read: an ISO 8601 repeating interval, or cron expressions.
///
/// ```
/// use recurrence::Expression;
///
/// assert!(Expression::parse("R/2026-01-31T09:00:00/P1M").is_ok());
/// assert!(Expression::parse("0 9 L * *; 0 9 15W * *").is_ok());
/// let error = Expression::parse("0 25 * * *").unwrap_err();
/// assert_eq!((error.offset(), error.message()), (2, "a hour is 0 to 23"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(pub(crate) Text);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Interval(Interval),
    Cron(Cron),
}

impl Expression {
    /// Reads a text; see the crate's documentation for what it may say.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim_start();
        let text = if trimmed.starts_with('R') {
            let start = text.len() - trimmed.len();
            Text::Interval(iso::parse(trimmed).map_err(|error| error.within(start))?)
        } else if trimmed.starts_with('@') || text.contains([' ', '\t', ';']) {
            Text::Cron(Cron::parse(text)?)
        } else {
            let message = format!("this is not a schedule; {ACCEPTED_FORMS}");
            return Err(ParseError::new(0, message));
        };
        Ok(Self(text))
    }

    /// Whether it is cron.
    pub fn is_cron(&self) -> bool {
        matches!(self.0, Text::Cron(_))
    }
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}
