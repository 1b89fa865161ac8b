//! Days and years by number, and sets of days of a year.
//!
//! Times of both kinds, instants and wall clocks, are microseconds since
//! 1970-01-01T00:00 on their own clock.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// 1970-01-01 by [`NaiveDate::num_days_from_ce`].
const EPOCH_FROM_CE: i64 = 719_163;
/// Nothing is planned before or after: a few days of room at the ends of the
/// years 1 and 9999, so that no offset leads out of what can be said.
pub(crate) const FIRST: i64 = -719_159 * DAY;
pub(crate) const LAST: i64 = 2_932_890 * DAY;

/// The microsecond that an instant is in, within the years that are planned.
pub(crate) fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros().clamp(FIRST - DAY, LAST + DAY)
}

pub(crate) fn instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

pub(crate) fn wall(micros: i64) -> NaiveDateTime {
    instant(micros).unwrap_or_default().naive_utc()
}

/// The day's number, 0 for 1970-01-01.
pub(crate) fn day_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - EPOCH_FROM_CE
}

pub(crate) fn date_of(day: i64) -> NaiveDate {
    let days = i32::try_from(day + EPOCH_FROM_CE).unwrap_or_default();
    NaiveDate::from_num_days_from_ce_opt(days).unwrap_or_default()
}

/// One of the fourteen calendars that a year can have: by its first weekday,
/// and whether it is a leap year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct YearType(usize);

impl YearType {
    pub(crate) const COUNT: usize = 14;

    pub(crate) fn of(year: i32) -> Self {
        let first = NaiveDate::from_yo_opt(year, 1).unwrap_or_default();
        let weekday = first.weekday().num_days_from_monday() as usize;
        Self(weekday + if first.leap_year() { 7 } else { 0 })
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// A year that has it.
    pub(crate) fn example(self) -> i32 {
        // A cycle of 400 years has them all.
        (2000..2400)
            .find(|year| Self::of(*year) == self)
            .unwrap_or(2000)
    }
}

/// Years of each type among the first n of a cycle that begins with the year 1.
static YEARS: LazyLock<Vec<[u16; YearType::COUNT]>> = LazyLock::new(|| {
    let mut counts = vec![[0; YearType::COUNT]];
    for year in 1..=400 {
        let mut next = counts.last().copied().unwrap_or_default();
        next[YearType::of(year).index()] += 1;
        counts.push(next);
    }
    counts
});

/// How many years of each type there are from the year 1 until before this one.
pub(crate) fn years_before(year: i32) -> [u64; YearType::COUNT] {
    let years = usize::try_from(year - 1).unwrap_or_default();
    let (cycles, rest) = (years as u64 / 400, &YEARS[years % 400]);
    let whole = &YEARS[400];
    std::array::from_fn(|index| cycles * u64::from(whole[index]) + u64::from(rest[index]))
}

/// A set of days of one year, by their ordinal from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Days([u64; 6]);

impl Days {
    pub(crate) fn insert(&mut self, ordinal: u32) {
        self.0[ordinal as usize / 64] |= 1 << (ordinal % 64);
    }

    pub(crate) fn contains(&self, ordinal: u32) -> bool {
        self.0[ordinal as usize / 64] & (1 << (ordinal % 64)) != 0
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many are before a day.
    pub(crate) fn before(&self, ordinal: u32) -> u64 {
        let word = ordinal as usize / 64;
        let whole: u32 = self.0[..word].iter().map(|word| word.count_ones()).sum();
        let part = self.0[word] & ((1 << (ordinal % 64)) - 1);
        u64::from(whole + part.count_ones())
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }
}

/// A set of days for each type of year.
pub(crate) type YearDays = [Days; YearType::COUNT];

/// The days of every year that a rule holds for.
pub(crate) fn year_days(holds: impl Fn(NaiveDate) -> bool) -> YearDays {
    let mut all = [Days::default(); YearType::COUNT];
    for year_type in YearType::all() {
        let year = year_type.example();
        let first = NaiveDate::from_yo_opt(year, 1).unwrap_or_default();
        for date in first.iter_days().take_while(|date| date.year() == year) {
            if holds(date) {
                all[year_type.index()].insert(date.ordinal0());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_counted_by_type() {
        for year in [1, 2, 400, 401, 1970, 2024, 9999] {
            let mut expected = [0; YearType::COUNT];
            for before in 1..year {
                expected[YearType::of(before).index()] += 1;
            }
            assert_eq!(years_before(year), expected, "{year}");
        }
    }

    #[test]
    fn days_have_numbers() {
        assert_eq!(day_of(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()), 0);
        assert_eq!(date_of(19_782).to_string(), "2024-02-29");
        assert_eq!(date_of(FIRST / DAY).to_string(), "0001-01-04");
        assert_eq!(date_of(LAST / DAY).to_string(), "9999-12-25");
    }

    #[test]
    fn sets_of_days_are_counted() {
        let all = year_days(|date| date.day() == 31);
        let leap = &all[YearType::of(2024).index()];
        assert_eq!(leap.len(), 7);
        assert!(leap.contains(30) && !leap.contains(31));
        assert_eq!(
            (leap.before(30), leap.before(31), leap.before(365)),
            (0, 1, 6)
        );
    }
}
