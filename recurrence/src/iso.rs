//! Reads ISO 8601 repeating intervals. By hand, because the error must say where
//! and what would be right.

mod length;

use chrono::{NaiveDate, NaiveTime};

use crate::calendar::{DAY, SECOND};
use crate::cursor::Cursor;
use crate::error::ParseError;
use crate::progression::Period;
use length::length;

/// A repeating interval as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interval {
    /// `None` is for ever.
    pub(crate) runs: Option<u64>,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// From a start, or from the anchor.
    StartPeriod(Option<Point>, Length),
    /// The period is what lies between them.
    StartEnd(Point, Point),
    /// The last run begins one period before the end.
    PeriodEnd(Length, Point),
}

/// A date and time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Microseconds on its own wall clock.
    pub(crate) wall: i64,
    pub(crate) offset: Offset,
    /// Where its offset is in the text.
    pub(crate) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    /// None was written: the wall clock is that of the zone.
    Local,
    /// `Z`.
    Utc,
    /// Microseconds east of UTC.
    East(i64),
}

/// A period as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) period: Period,
    /// Years, months, weeks or days were written, so the wall clock counts.
    pub(crate) is_calendar: bool,
}

pub(crate) fn parse(text: &str) -> Result<Interval, ParseError> {
    let mut cursor = Cursor::new(text);
    let runs = runs(&mut cursor)?;
    let form = form(&mut cursor, runs)?;
    if cursor.peek().is_some() {
        return Err(cursor.error("nothing may follow here"));
    }
    Ok(Interval { runs, form })
}

fn runs(cursor: &mut Cursor<'_>) -> Result<Option<u64>, ParseError> {
    cursor.expect(b'R', "R")?;
    let at = cursor.at;
    let runs = cursor.number().map_err(|_| {
        let message = format!("too many runs; write at most R{}, or R for ever", u64::MAX);
        ParseError::new(at, message)
    })?;
    if runs == Some(0) {
        let message = "R0 would never run; write R1 for one run, R for ever";
        return Err(ParseError::new(at, message));
    }
    cursor.expect(b'/', "a number of runs or '/' after R, e.g. R1/ or R/")?;
    Ok(runs)
}

fn form(cursor: &mut Cursor<'_>, runs: Option<u64>) -> Result<Form, ParseError> {
    match cursor.peek() {
        Some(b'/') => {
            cursor.at += 1;
            Ok(Form::StartPeriod(None, length(cursor)?))
        }
        Some(b'P') => {
            let at = cursor.at;
            let length = length(cursor)?;
            let what = "'/' and the end after the period, or a start before it, \
                        e.g. R1/2015-12-31T16:00:23Z/PT1H";
            cursor.expect(b'/', what)?;
            let end = point(cursor)?;
            if runs.is_none() {
                let message = "for ever up to an end has no beginning; say how many runs, \
                               e.g. R5/PT1H/2015-12-31T16:00:23Z";
                return Err(ParseError::new(at, message));
            }
            Ok(Form::PeriodEnd(length, end))
        }
        None => Err(cursor.error(
            "the start is missing; write it as in R1/2015-12-31T16:00:23Z/PT1H, \
             or leave it empty, R1//PT1H, to begin when the schedule is set",
        )),
        Some(_) => {
            let start = point(cursor)?;
            cursor.expect(b'/', "'/' and the period after the start, e.g. /PT1H")?;
            if cursor.is_digit() {
                Ok(Form::StartEnd(start, point(cursor)?))
            } else {
                Ok(Form::StartPeriod(Some(start), length(cursor)?))
            }
        }
    }
}

fn point(cursor: &mut Cursor<'_>) -> Result<Point, ParseError> {
    let (date, is_extended) = date(cursor)?;
    let time = match cursor.peek() {
        Some(b'T' | b't') => {
            cursor.at += 1;
            time(cursor, is_extended)?
        }
        // A date alone is its beginning.
        Some(b'/') | None => 0,
        Some(_) => {
            return Err(cursor.expected("'T' and a time of day, e.g. 2015-12-31T16:00:23Z"));
        }
    };
    let at = cursor.at;
    Ok(Point {
        wall: date.and_time(NaiveTime::MIN).and_utc().timestamp_micros() + time,
        offset: offset(cursor)?,
        at,
    })
}

/// A date, and whether it has dashes.
fn date(cursor: &mut Cursor<'_>) -> Result<(NaiveDate, bool), ParseError> {
    let at = cursor.at;
    let year = cursor.fixed(4, "a year of four digits, e.g. 2015-12-31")?;
    let is_extended = cursor.accept(b'-');
    if cursor.peek() == Some(b'W') {
        return Err(cursor.error("week dates are not read; write month and day, e.g. 2015-12-31"));
    }
    let month = cursor.fixed(2, "'-' and a month of two digits, e.g. 2015-12-31")?;
    if is_extended {
        cursor.expect(b'-', "'-' after the month, e.g. 2015-12-31")?;
    }
    let day = cursor.fixed(2, "a day of two digits, e.g. 2015-12-31")?;
    let date = i32::try_from(year)
        .ok()
        .filter(|year| *year > 0)
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let message = "the calendar has no such date; years are 0001 to 9999, months 01 to 12";
    let date = date.ok_or_else(|| ParseError::new(at, message))?;
    Ok((date, is_extended))
}

/// Microseconds since midnight; `24:00:00` is the midnight at the end of the day.
fn time(cursor: &mut Cursor<'_>, is_extended: bool) -> Result<i64, ParseError> {
    let at = cursor.at;
    let hour = cursor.fixed(2, "an hour of two digits, e.g. 16:00:23")?;
    if is_extended {
        cursor.expect(b':', "':' after the hour, e.g. 16:00:23")?;
    }
    let minute = cursor.fixed(2, "a minute of two digits, e.g. 16:00:23")?;
    let has_second = if is_extended {
        cursor.accept(b':')
    } else {
        cursor.is_digit()
    };
    let (mut second, mut nano) = (0, 0);
    if has_second {
        second = cursor.fixed(2, "a second of two digits, e.g. 16:00:23")?;
        nano = cursor.fraction()?.unwrap_or(0);
    }
    if (hour, minute, second, nano) == (24, 0, 0, 0) {
        return Ok(DAY);
    }
    if hour > 23 || minute > 59 || second > 59 {
        let message = "there is no such time of day; it runs from 00:00:00 to 23:59:59, and \
                       24:00:00 is the end of the day (leap seconds are not planned)";
        return Err(ParseError::new(at, message));
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    // Cut to the microsecond, so that no part of it is lost on the way to a database.
    Ok(i64::from(seconds) * SECOND + i64::from(nano / 1000))
}

fn offset(cursor: &mut Cursor<'_>) -> Result<Offset, ParseError> {
    if matches!(cursor.peek(), Some(b'/') | None) {
        return Ok(Offset::Local);
    }
    if cursor.accept(b'Z') || cursor.accept(b'z') {
        return Ok(Offset::Utc);
    }
    let at = cursor.at;
    let east = cursor.accept(b'+');
    if !east && !cursor.accept(b'-') {
        return Err(cursor.expected("an offset, Z or +08:00, or '/' and the period"));
    }
    let hours = cursor.fixed(2, "an offset such as +08:00")?;
    let minutes = if cursor.accept(b':') || cursor.is_digit() {
        cursor.fixed(2, "minutes of two digits in the offset, e.g. +08:00")?
    } else {
        0
    };
    if hours > 23 || minutes > 59 {
        let message = "an offset runs from -23:59 to +23:59";
        return Err(ParseError::new(at, message));
    }
    let offset = i64::from(hours * 60 + minutes) * 60 * SECOND;
    Ok(Offset::East(if east { offset } else { -offset }))
}
