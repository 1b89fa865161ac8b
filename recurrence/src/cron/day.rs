//! The three fields of a cron expression that say which days: day of month,
//! month, day of week.

use chrono::{Datelike, NaiveDate};

use super::field::{Field, Kind, end, number, range, split};
use crate::calendar::{YearDays, year_days};
use crate::cursor::Cursor;
use crate::error::ParseError;

const DAY_OF_MONTH: Kind = Kind {
    name: "day of month",
    first: 1,
    last: 31,
    words: &[],
};
const MONTH: Kind = Kind {
    name: "month",
    first: 1,
    last: 12,
    words: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
/// 7 is Sunday too.
const DAY_OF_WEEK: Kind = Kind {
    name: "day of week",
    first: 0,
    last: 7,
    words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

/// Which days, by all three fields.
#[derive(Debug, Clone, Default)]
pub(super) struct DayFields {
    months: u64,
    of_month: OfMonth,
    of_week: OfWeek,
    /// The field is `*` or `?`, so it leaves the choice to the other.
    any_of_month: bool,
    any_of_week: bool,
}

#[derive(Debug, Clone, Default)]
struct OfMonth {
    days: u64,
    /// `L-n`, by n.
    before_last: u64,
    /// `nW`, by n.
    nearest_weekday: u64,
    /// `LW`
    last_weekday: bool,
}

/// Sets of weekdays, Sunday being 0.
#[derive(Debug, Clone, Default)]
struct OfWeek {
    days: u64,
    /// `nL`
    last: u64,
    /// `n#1` to `n#5`
    nth: [u64; 5],
}

/// The days of a pattern of three fields, such as `* * SAT,SUN`.
pub(crate) fn day_pattern(text: &str) -> Result<YearDays, ParseError> {
    let fields = split(text);
    let Ok(fields) = <[Field<'_>; 3]>::try_from(fields) else {
        let message = "a pattern of days has 3 fields: day of month, month, day of week, \
                       e.g. * * SAT,SUN";
        return Err(ParseError::new(0, message));
    };
    Ok(DayFields::parse(fields)?.year_days())
}

impl DayFields {
    pub(super) fn parse([of_month, month, of_week]: [Field<'_>; 3]) -> Result<Self, ParseError> {
        let mut fields = Self {
            any_of_month: matches!(of_month.1, "*" | "?"),
            any_of_week: matches!(of_week.1, "*" | "?"),
            ..Self::default()
        };
        list(month, &MONTH, |cursor| {
            fields.months |= range(cursor, &MONTH)?;
            Ok(())
        })?;
        list(of_month, &DAY_OF_MONTH, |cursor| {
            fields.of_month.read(cursor)
        })?;
        list(of_week, &DAY_OF_WEEK, |cursor| fields.of_week.read(cursor))?;
        Ok(fields)
    }

    pub(super) fn year_days(&self) -> YearDays {
        year_days(|date| self.matches(date))
    }

    fn matches(&self, date: NaiveDate) -> bool {
        if self.months & (1 << date.month()) == 0 {
            return false;
        }
        // As POSIX has it: if both fields are restricted, either will do.
        match (self.any_of_month, self.any_of_week) {
            (true, true) => true,
            (true, false) => self.of_week.matches(date),
            (false, true) => self.of_month.matches(date),
            (false, false) => self.of_month.matches(date) || self.of_week.matches(date),
        }
    }
}

/// Reads the members of a list, up to the end of the field.
fn list(
    (at, text): Field<'_>,
    kind: &Kind,
    mut member: impl FnMut(&mut Cursor<'_>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut cursor = Cursor::new(text);
    loop {
        member(&mut cursor).map_err(|error| error.within(at))?;
        if !cursor.accept(b',') {
            return end(&cursor, kind).map_err(|error| error.within(at));
        }
    }
}

fn accept_letter(cursor: &mut Cursor<'_>, letter: u8) -> bool {
    cursor.accept(letter) || cursor.accept(letter.to_ascii_lowercase())
}

impl OfMonth {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        if accept_letter(cursor, b'L') {
            if accept_letter(cursor, b'W') {
                self.last_weekday = true;
                return Ok(());
            }
            let mut before = 0;
            if cursor.accept(b'-') {
                let at = cursor.at;
                before = cursor
                    .number()?
                    .filter(|days| (1..=30).contains(days))
                    .ok_or_else(|| {
                        ParseError::new(
                            at,
                            "expected 1 to 30 days before the month's last, e.g. L-3",
                        )
                    })?;
            }
            self.before_last |= 1 << before;
            return Ok(());
        }
        let mut ahead = cursor.clone();
        if let Ok(day) = number(&mut ahead, &DAY_OF_MONTH)
            && accept_letter(&mut ahead, b'W')
        {
            self.nearest_weekday |= 1 << day;
            *cursor = ahead;
            return Ok(());
        }
        self.days |= range(cursor, &DAY_OF_MONTH)?;
        Ok(())
    }

    fn matches(&self, date: NaiveDate) -> bool {
        let (day, length) = (date.day(), length_of_month(date));
        self.days & (1 << day) != 0
            || self.before_last & (1 << (length - day)) != 0
            || (self.last_weekday && day == nearest_weekday(date, length, length))
            || (self.nearest_weekday != 0
                && (1..=length)
                    .filter(|target| self.nearest_weekday & (1 << target) != 0)
                    .any(|target| day == nearest_weekday(date, target, length)))
    }
}

impl OfWeek {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        if matches!(cursor.peek(), Some(b'L' | b'l')) {
            return Err(cursor
                .error("L needs a day here: FRIL is the month's last Friday; Saturday is SAT"));
        }
        let mut ahead = cursor.clone();
        if let Ok(day) = number(&mut ahead, &DAY_OF_WEEK) {
            let day = day % 7;
            if accept_letter(&mut ahead, b'L') {
                self.last |= 1 << day;
                *cursor = ahead;
                return Ok(());
            }
            if ahead.accept(b'#') {
                let at = ahead.at;
                let nth = ahead.number()?.and_then(|nth| usize::try_from(nth).ok());
                let nth = nth
                    .filter(|nth| (1..=5).contains(nth))
                    .ok_or_else(|| ParseError::new(at, "expected 1 to 5 after '#', e.g. FRI#2"))?;
                self.nth[nth - 1] |= 1 << day;
                *cursor = ahead;
                return Ok(());
            }
        }
        let days = range(cursor, &DAY_OF_WEEK)?;
        self.days |= (days | days >> 7) & 0x7f;
        Ok(())
    }

    fn matches(&self, date: NaiveDate) -> bool {
        let is_in = |set: u64| set & (1 << date.weekday().num_days_from_sunday()) != 0;
        is_in(self.days)
            || (is_in(self.last) && date.day() + 7 > length_of_month(date))
            || is_in(self.nth[date.day0() as usize / 7])
    }
}

fn length_of_month(date: NaiveDate) -> u32 {
    u32::from(date.num_days_in_month())
}

/// The day from Monday to Friday that is nearest to a day of a date's month,
/// within that month.
fn nearest_weekday(date: NaiveDate, day: u32, length: u32) -> u32 {
    let weekday = date
        .with_day(day)
        .map_or(1, |date| date.weekday().num_days_from_sunday());
    match weekday {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == length => day - 2,
        0 => day + 1,
        _ => day,
    }
}
