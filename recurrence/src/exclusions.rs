//! Dates on which a schedule does not run.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use crate::calendar::{YearDays, YearType, date_of, day_of, year_days};
use crate::cron::day_pattern;
use crate::cursor::Cursor;
use crate::error::{ExclusionError, ParseError};

/// Items at most.
const ITEMS: usize = 3000;
/// Bytes of an item at most.
const ITEM_LENGTH: usize = 64;

/// Dates on which a schedule does not run, by the wall clock of its zone. Cheap
/// to clone.
///
/// ```
/// use recurrence::Exclusions;
///
/// let exclusions = Exclusions::parse(&[
///     "2026-12-31",            // a date
///     "2026-08-03/2026-08-21", // from one to another, both included
///     "--12-25",               // each year
///     "--12-24/--01-02",
///     "* * SAT,SUN",           // day of month, month and day of week, as in cron
///     "* 11 THU#4",
/// ])?;
/// assert!(!exclusions.is_empty());
/// # Ok::<(), recurrence::ExclusionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exclusions(Option<Arc<Dates>>);

#[derive(Debug, PartialEq, Eq)]
struct Dates {
    /// First and last days, sorted, apart from one another.
    ranges: Vec<(i64, i64)>,
    every_year: YearDays,
}

impl Exclusions {
    /// No date at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads dates, ranges of dates and patterns of days.
    pub fn parse<S: AsRef<str>>(items: &[S]) -> Result<Self, ExclusionError> {
        if items.is_empty() {
            return Ok(Self::none());
        }
        let mut dates = Dates {
            ranges: Vec::new(),
            every_year: YearDays::default(),
        };
        for (index, item) in items.iter().map(AsRef::as_ref).enumerate() {
            let added = if index < ITEMS {
                dates.add(item)
            } else {
                Err(ParseError::new(
                    0,
                    format!("at most {ITEMS} items are read"),
                ))
            };
            added.map_err(|source| ExclusionError {
                index,
                item: item.chars().take(ITEM_LENGTH).collect(),
                source,
            })?;
        }
        dates.ranges.sort_unstable();
        dates.ranges = merged(&dates.ranges);
        Ok(Self(Some(Arc::new(dates))))
    }

    /// Whether no date is excluded.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn contains(&self, day: i64) -> bool {
        self.0.as_ref().is_some_and(|dates| dates.contains(day))
    }

    /// The excluded days in a row around an excluded day: its first and the one
    /// after its last, looking no further than the given number of days.
    pub(crate) fn run_around(&self, day: i64) -> (i64, i64) {
        let before = (1..=RUN).find(|n| !self.contains(day - n)).unwrap_or(RUN);
        (day - before + 1, self.run_end(day, day + RUN))
    }

    /// The first day from here on that is not excluded, or `until`.
    fn run_end(&self, day: i64, until: i64) -> i64 {
        (day..until)
            .find(|day| !self.contains(*day))
            .unwrap_or(until)
    }

    /// Runs of excluded days in `from..until`, each its first and the one after
    /// its last.
    pub(crate) fn runs(&self, from: i64, until: i64) -> impl Iterator<Item = (i64, i64)> {
        let mut day = if self.is_empty() { until } else { from };
        std::iter::from_fn(move || {
            let first = (day..until).find(|day| self.contains(*day))?;
            day = self.run_end(first, until);
            Some((first, day))
        })
    }
}

/// Days that one look for the end of a run goes through.
const RUN: i64 = 400;

impl Dates {
    fn add(&mut self, item: &str) -> Result<(), ParseError> {
        if item.len() > ITEM_LENGTH {
            return Err(ParseError::new(0, "is too long for a date or a pattern"));
        }
        if item.split_ascii_whitespace().count() > 1 {
            self.add_every_year(&day_pattern(item)?);
            return Ok(());
        }
        let mut cursor = Cursor::new(item);
        let at = cursor.at;
        if cursor.peek() == Some(b'-') {
            let first = month_day(&mut cursor)?;
            let last = second(&mut cursor, month_day)?.unwrap_or(first);
            let is_in = |date: NaiveDate| {
                let day = (date.month(), date.day());
                if first <= last {
                    first <= day && day <= last
                } else {
                    day >= first || day <= last
                }
            };
            self.add_every_year(&year_days(is_in));
            return Ok(());
        }
        let first = date(&mut cursor)?;
        let last = second(&mut cursor, date)?.unwrap_or(first);
        if last < first {
            let message = "the range ends before it begins; the earlier date comes first";
            return Err(ParseError::new(at, message));
        }
        self.ranges.push((day_of(first), day_of(last)));
        Ok(())
    }

    fn add_every_year(&mut self, days: &YearDays) {
        for (known, new) in self.every_year.iter_mut().zip(days) {
            *known = known.union(new);
        }
    }

    fn contains(&self, day: i64) -> bool {
        let date = date_of(day);
        let every_year = &self.every_year[YearType::of(date.year()).index()];
        if every_year.contains(date.ordinal0()) {
            return true;
        }
        let after = self.ranges.partition_point(|(first, _)| *first <= day);
        let range = after
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index));
        range.is_some_and(|(_, last)| day <= *last)
    }
}

fn merged(sorted: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match merged.last_mut() {
            Some(known) if *first <= known.1 + 1 => known.1 = known.1.max(*last),
            _ => merged.push((*first, *last)),
        }
    }
    merged
}

/// What follows a `/`, up to the end of the item.
fn second<T>(
    cursor: &mut Cursor<'_>,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, ParseError>,
) -> Result<Option<T>, ParseError> {
    let second = if cursor.accept(b'/') {
        Some(read(cursor)?)
    } else {
        None
    };
    if cursor.peek().is_some() {
        return Err(cursor.expected("'/' and the last date, or nothing more"));
    }
    Ok(second)
}

fn date(cursor: &mut Cursor<'_>) -> Result<NaiveDate, ParseError> {
    let at = cursor.at;
    let what = "a date such as 2026-12-25, --12-25 for each year, a range of two of them with '/', \
                or a pattern such as * * SAT,SUN";
    let year = cursor.fixed(4, what)?;
    cursor.expect(b'-', what)?;
    let month = cursor.fixed(2, what)?;
    cursor.expect(b'-', what)?;
    let day = cursor.fixed(2, what)?;
    let year = i32::try_from(year).ok().filter(|year| *year > 0);
    let date = year.and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    date.ok_or_else(|| ParseError::new(at, "the calendar has no such date"))
}

fn month_day(cursor: &mut Cursor<'_>) -> Result<(u32, u32), ParseError> {
    let at = cursor.at;
    let what = "a day of each year such as --12-25";
    cursor.expect(b'-', what)?;
    cursor.expect(b'-', what)?;
    let month = cursor.fixed(2, what)?;
    cursor.expect(b'-', what)?;
    let day = cursor.fixed(2, what)?;
    // A leap year has every day that any year has.
    let exists = NaiveDate::from_ymd_opt(2024, month, day).is_some();
    exists
        .then_some((month, day))
        .ok_or_else(|| ParseError::new(at, "no year has such a day"))
}
