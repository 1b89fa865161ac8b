//! Reads ISO 8601 repeating intervals. By hand, because the error must say
//! where and what would be right.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::error::{ParseError, ParseErrorKind as Kind};
use crate::interval::Recurrence;

const SHORTEST_PERIOD: i128 = 1_000;
/// Unit letters with their length in seconds, in the order ISO 8601 demands.
const UNITS: [(u8, i128); 3] = [(b'H', 3600), (b'M', 60), (b'S', 1)];

pub(crate) fn parse(text: &str) -> Result<Recurrence, ParseError> {
    let mut cursor = Cursor {
        text: text.as_bytes(),
        at: 0,
    };
    let runs = runs(&mut cursor)?;
    let start = start(&mut cursor)?;
    cursor.expect(b'/', "'/' and the period after the start, e.g. /PT1H")?;
    let period = period(&mut cursor)?;
    Ok(Recurrence::new(start, period, runs))
}

fn runs(cursor: &mut Cursor) -> Result<Option<u64>, ParseError> {
    if !cursor.accept(b'R') {
        return Err(cursor.error(Kind::UnknownForm));
    }
    let at = cursor.at;
    let digits = cursor.digits();
    cursor.expect(b'/', "a number of runs or '/' after R, e.g. R1/ or R/")?;
    if digits.is_empty() {
        return Ok(None);
    }
    match number(digits) {
        Some(0) => Err(ParseError::new(at, Kind::NoRuns)),
        Some(runs) => Ok(Some(runs)),
        None => Err(ParseError::new(at, Kind::TooManyRuns)),
    }
}

fn start(cursor: &mut Cursor) -> Result<DateTime<Utc>, ParseError> {
    if matches!(cursor.peek(), None | Some(b'/' | b'P')) {
        return Err(cursor.error(Kind::MissingStart));
    }
    let date = date(cursor)?;
    if !cursor.accept(b'T') && !cursor.accept(b't') {
        return Err(cursor.expected("'T' and a time of day, e.g. 2015-12-31T16:00:23Z"));
    }
    let time = time(cursor)?;
    let offset = offset(cursor)?;
    // Four-digit years are far from the ends of chrono's range.
    Ok((date.and_time(time) - offset).and_utc())
}

fn date(cursor: &mut Cursor) -> Result<NaiveDate, ParseError> {
    let at = cursor.at;
    let year = cursor.fixed(4, "a year of four digits, e.g. 2015-12-31")?;
    cursor.expect(b'-', "'-' after the year, e.g. 2015-12-31")?;
    let month = cursor.fixed(2, "a month of two digits, e.g. 2015-12-31")?;
    cursor.expect(b'-', "'-' after the month, e.g. 2015-12-31")?;
    let day = cursor.fixed(2, "a day of two digits, e.g. 2015-12-31")?;
    i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or(ParseError::new(
            at,
            Kind::NoSuchTime("the calendar has no such date; months are 01 to 12"),
        ))
}

fn time(cursor: &mut Cursor) -> Result<NaiveTime, ParseError> {
    let at = cursor.at;
    let hour = cursor.fixed(2, "an hour of two digits, e.g. 16:00:23")?;
    cursor.expect(b':', "':' after the hour, e.g. 16:00:23")?;
    let minute = cursor.fixed(2, "a minute of two digits, e.g. 16:00:23")?;
    let (mut second, mut nano) = (0, 0);
    if cursor.accept(b':') {
        second = cursor.fixed(2, "a second of two digits, e.g. 16:00:23")?;
        nano = cursor.fraction()?.unwrap_or(0);
    }
    NaiveTime::from_hms_nano_opt(hour, minute, second, nano).ok_or(ParseError::new(
        at,
        Kind::NoSuchTime(
            "there is no such time of day; it runs from 00:00:00 to 23:59:59 (leap seconds are not planned)",
        ),
    ))
}

/// The offset from UTC; none is UTC.
fn offset(cursor: &mut Cursor) -> Result<TimeDelta, ParseError> {
    if matches!(cursor.peek(), Some(b'/') | None) || cursor.accept(b'Z') || cursor.accept(b'z') {
        return Ok(TimeDelta::zero());
    }
    let at = cursor.at;
    let east = cursor.accept(b'+');
    if !east && !cursor.accept(b'-') {
        return Err(cursor.expected("an offset, Z or +08:00, or '/' and the period"));
    }
    let hours = cursor.fixed(2, "an offset such as +08:00")?;
    let minutes = if cursor.accept(b':') || cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        cursor.fixed(2, "minutes of two digits in the offset, e.g. +08:00")?
    } else {
        0
    };
    if hours > 23 || minutes > 59 {
        let kind = Kind::NoSuchTime("an offset runs from -23:59 to +23:59");
        return Err(ParseError::new(at, kind));
    }
    let offset = TimeDelta::minutes(i64::from(hours * 60 + minutes));
    Ok(if east { offset } else { -offset })
}

/// The period in nanoseconds.
fn period(cursor: &mut Cursor) -> Result<i128, ParseError> {
    let at = cursor.at;
    if cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        return Err(cursor.error(Kind::EndInsteadOfPeriod));
    }
    cursor.expect(b'P', "a period, e.g. PT1H")?;
    if cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        return Err(ParseError::new(at, Kind::CalendarPeriod));
    }
    cursor.expect(b'T', "'T' after P, e.g. PT1H")?;
    let mut units = UNITS.as_slice();
    let mut nanos = 0;
    loop {
        nanos += component(cursor, &mut units)?;
        match cursor.peek() {
            None => break,
            Some(b'0'..=b'9') => {}
            Some(_) => return Err(cursor.error(Kind::TrailingText)),
        }
    }
    if nanos < SHORTEST_PERIOD {
        return Err(ParseError::new(at, Kind::PeriodTooShort));
    }
    Ok(nanos)
}

/// One number with its unit, in nanoseconds; `units` keeps the smaller units.
fn component(cursor: &mut Cursor, units: &mut &[(u8, i128)]) -> Result<i128, ParseError> {
    let at = cursor.at;
    let digits = cursor.digits();
    if digits.is_empty() {
        return Err(cursor.expected("a number and H, M or S, e.g. PT1H"));
    }
    let whole = number(digits).ok_or(ParseError::new(at, Kind::NumberTooLarge))?;
    let fraction = cursor.fraction()?;
    let letter = cursor.peek();
    if !UNITS.iter().any(|(unit, _)| Some(*unit) == letter) {
        return Err(cursor.expected("H, M or S after the number, e.g. PT1H"));
    }
    let Some(place) = units.iter().position(|(unit, _)| Some(*unit) == letter) else {
        return Err(cursor.error(Kind::UnitOrder));
    };
    cursor.at += 1;
    let seconds = units[place].1;
    *units = &units[place + 1..];
    if fraction.is_some() && cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        return Err(ParseError::new(at, Kind::FractionNotLast));
    }
    let nanos = i128::from(whole) * 1_000_000_000 + i128::from(fraction.unwrap_or(0));
    Ok(nanos * seconds)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8, what: &'static str) -> Result<(), ParseError> {
        if self.accept(wanted) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    fn digits(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        self.at += length;
        &rest[..length]
    }

    /// A number of exactly `width` digits, at most four.
    fn fixed(&mut self, width: usize, what: &'static str) -> Result<u32, ParseError> {
        let at = self.at;
        let digits = self.text[at..].get(..width).unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.expected(what));
        }
        self.at += width;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// A decimal point or comma and digits, in billionths.
    fn fraction(&mut self) -> Result<Option<u32>, ParseError> {
        let at = self.at;
        if !self.accept(b'.') && !self.accept(b',') {
            return Ok(None);
        }
        let digits = self.digits();
        if digits.is_empty() {
            return Err(self.expected("digits after the decimal point"));
        }
        if digits.len() > 9 {
            return Err(ParseError::new(at, Kind::FractionTooLong));
        }
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        Ok(Some(padded.fold(0, |number, digit| {
            number * 10 + u32::from(digit - b'0')
        })))
    }

    fn error(&self, kind: Kind) -> ParseError {
        ParseError::new(self.at, kind)
    }

    fn expected(&self, what: &'static str) -> ParseError {
        self.error(Kind::Expected(what))
    }
}
