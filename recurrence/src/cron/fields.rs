//! Reads the fields of a cron expression.

use super::day::DayFields;
use super::field::{Kind, numbers, set, split};
use crate::error::ParseError;

/// The sets that an expression is the product of.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: DayFields,
}

/// What the short forms stand for.
const SHORT_FORMS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const SECOND: Kind = numbers("second", 59);
const MINUTE: Kind = numbers("minute", 59);
const HOUR: Kind = numbers("hour", 23);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let start = text.len() - text.trim_start().len();
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            return Self::short_form(trimmed).map_err(|error| error.within(start));
        }
        let fields = split(text);
        if let Some((at, first)) = fields.first()
            && (first.contains("TZ="))
        {
            let message = "a zone is not part of the expression; give it as the schedule's zone";
            return Err(ParseError::new(*at, message));
        }
        let (second, fields) = match fields.len() {
            5 => (None, &fields[..]),
            6 => (Some(fields[0]), &fields[1..]),
            count => {
                let message = format!(
                    "a cron expression has 5 fields (minute, hour, day of month, month, day of \
                     week), or 6 with seconds first; this has {count}"
                );
                return Err(ParseError::new(start, message));
            }
        };
        Ok(Self {
            seconds: second.map_or(Ok(1), |field| set(field, &SECOND))?,
            minutes: set(fields[0], &MINUTE)?,
            hours: set(fields[1], &HOUR)?,
            days: DayFields::parse([fields[2], fields[3], fields[4]])?,
        })
    }

    fn short_form(text: &str) -> Result<Self, ParseError> {
        let meant = SHORT_FORMS
            .iter()
            .find(|(short, _)| text.eq_ignore_ascii_case(short));
        if let Some((_, long)) = meant {
            return Self::parse(long);
        }
        let known: Vec<&str> = SHORT_FORMS.iter().map(|(short, _)| *short).collect();
        let every = if text.starts_with("@every") {
            "; every so often is R//PT1H30M"
        } else {
            ""
        };
        let message = format!("is not a short form; known are {}{every}", known.join(", "));
        Err(ParseError::new(0, message))
    }
}
