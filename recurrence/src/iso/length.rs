//! Reads the length of a period: `P1Y2M3W4DT5H6M7.5S`.

use super::Length;
use crate::calendar::DAY;
use crate::cursor::Cursor;
use crate::error::ParseError;
use crate::progression::Period;

/// A unit: its letter, its months, its nanoseconds, and how it is counted.
type Unit = (u8, u32, i128);

const NANOS: i128 = 1_000_000_000;
/// In the order that ISO 8601 demands, before the T and after it.
const DATE_UNITS: [Unit; 4] = [
    (b'Y', 12, 0),
    (b'M', 1, 0),
    (b'W', 0, 7 * 86_400 * NANOS),
    (b'D', 0, 86_400 * NANOS),
];
const TIME_UNITS: [Unit; 3] = [
    (b'H', 0, 3600 * NANOS),
    (b'M', 0, 60 * NANOS),
    (b'S', 0, NANOS),
];

pub(super) fn length(cursor: &mut Cursor<'_>) -> Result<Length, ParseError> {
    let at = cursor.at;
    cursor.expect(b'P', "a period, e.g. PT1H or P1D")?;
    let mut sum = Sum::default();
    let is_calendar = cursor.is_digit();
    sum.read(cursor, &DATE_UNITS, "Y, M, W or D, e.g. P1M")?;
    if cursor.accept(b'T') {
        if !cursor.is_digit() {
            return Err(cursor.expected("a number and H, M or S after T, e.g. PT1H"));
        }
        sum.read(cursor, &TIME_UNITS, "H, M or S, e.g. PT1H")?;
    } else if !is_calendar {
        return Err(cursor.expected("a number and a unit, or 'T', after P, e.g. P1D or PT1H"));
    }
    let too_long = || ParseError::new(at, "the period is too long; it may have up to 9999 years");
    let micros = i64::try_from(sum.nanos / 1000).map_err(|_| too_long())?;
    let is_too_long = sum.months > 9999 * 12 || micros > 9999 * 366 * DAY;
    if is_too_long {
        return Err(too_long());
    }
    let months = u32::try_from(sum.months).map_err(|_| too_long())?;
    if months == 0 && micros == 0 {
        let message = "the period is too short; the shortest is one microsecond, PT0.000001S";
        return Err(ParseError::new(at, message));
    }
    let period = Period { months, micros };
    Ok(Length {
        period,
        is_calendar,
    })
}

/// What the units of a period come to.
#[derive(Debug, Default)]
struct Sum {
    months: u64,
    nanos: i128,
    has_fraction: bool,
}

impl Sum {
    fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut units: &[Unit],
        names: &str,
    ) -> Result<(), ParseError> {
        while cursor.is_digit() {
            let at = cursor.at;
            if self.has_fraction {
                let message = "only the last number of a period may have a fraction, e.g. PT1H0.5M";
                return Err(ParseError::new(at, message));
            }
            let whole = cursor.number()?.unwrap_or_default();
            let fraction = cursor.fraction()?;
            let letter = cursor.peek();
            let Some(place) = units.iter().position(|(unit, ..)| Some(*unit) == letter) else {
                return Err(cursor.error(format!(
                    "expected {names}, after the number; units come once each and in this order"
                )));
            };
            let (unit, months, nanos) = units[place];
            if fraction.is_some() && months > 0 {
                let unit = char::from(unit);
                let message =
                    format!("{unit} has no fractions; write whole ones, or smaller units");
                return Err(ParseError::new(at, message));
            }
            cursor.at += 1;
            units = &units[place + 1..];
            self.months = self
                .months
                .saturating_add(whole.saturating_mul(months.into()));
            let part = i128::from(whole) * NANOS + i128::from(fraction.unwrap_or(0));
            self.nanos += part * (nanos / NANOS);
            self.has_fraction = fraction.is_some();
        }
        Ok(())
    }
}
