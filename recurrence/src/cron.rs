//! Cron expressions: where their times are on a wall clock, by counting.
//!
//! An expression is a set of days times a set of times of day, so how many of
//! its times lie before a point is a product; of several joined expressions,
//! products that are added and subtracted.

mod day;
mod field;
mod fields;

use chrono::Datelike;

use crate::calendar::{DAY, Days, FIRST, LAST, SECOND, YearDays, YearType, date_of, years_before};
use crate::error::ParseError;
use fields::Fields;

pub(crate) use day::day_pattern;

/// Expressions that one text may join.
const JOINED: usize = 8;

/// Points on a wall clock, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    /// By inclusion and exclusion: the sets themselves are added, what pairs of
    /// them have in common is subtracted, and so on.
    terms: Vec<(bool, Product)>,
    /// Each of the joined expressions matches every hour.
    pub(crate) is_of_every_hour: bool,
}

/// Days times hours, minutes and seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Product {
    days: YearDays,
    hours: u64,
    minutes: u64,
    seconds: u64,
}

impl Cron {
    /// Reads expressions joined by `;`.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        let mut products: Vec<Product> = Vec::new();
        let mut at = 0;
        for part in text.split(';') {
            if products.len() == JOINED {
                let message = format!("at most {JOINED} expressions can be joined");
                return Err(ParseError::new(at, message));
            }
            let product = Product::parse(part).map_err(|error| error.within(at))?;
            if product.total() == 0 {
                let message = "no such day comes in any year, so it has no instant at any time; \
                               e.g. the last day of a month is L";
                return Err(ParseError::new(at, message));
            }
            products.push(product);
            at += part.len() + 1;
        }
        let every_hour = (1 << 24) - 1;
        Ok(Self {
            is_of_every_hour: products.iter().all(|product| product.hours == every_hour),
            terms: terms(&products),
        })
    }

    /// How many points lie before `x`.
    pub(crate) fn rank(&self, x: i64) -> u64 {
        // All are whole seconds, so part of one is all of it.
        let x = x.clamp(FIRST, LAST + SECOND);
        let seconds = x.div_euclid(SECOND) + i64::from(x.rem_euclid(SECOND) != 0);
        let day = seconds.div_euclid(DAY / SECOND);
        let time = seconds.rem_euclid(DAY / SECOND).unsigned_abs();
        let date = date_of(day);
        let place = Place {
            years: years_before(date.year()),
            year: YearType::of(date.year()),
            ordinal: date.ordinal0(),
            time,
        };
        let (mut added, mut subtracted) = (0, 0);
        for (is_added, product) in &self.terms {
            let sum = if *is_added {
                &mut added
            } else {
                &mut subtracted
            };
            *sum += product.rank(&place);
        }
        added - subtracted
    }

    /// The point number `n`, from 0, by halving.
    pub(crate) fn select(&self, n: u64) -> Option<i64> {
        let (mut low, mut high) = (FIRST / SECOND, LAST / SECOND);
        // The last second by whose beginning no more than n have come.
        while low < high {
            let middle = low + (high - low + 1) / 2;
            if self.rank(middle * SECOND) <= n {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        (self.rank((low + 1) * SECOND) > n).then_some(low * SECOND)
    }
}

/// A second in a year.
struct Place {
    /// Years before it, by type.
    years: [u64; YearType::COUNT],
    year: YearType,
    ordinal: u32,
    /// Seconds of the day.
    time: u64,
}

fn terms(products: &[Product]) -> Vec<(bool, Product)> {
    let mut terms: Vec<(bool, Product)> = Vec::new();
    for product in products {
        // What is added is what it does not have in common with those before.
        let common: Vec<_> = terms
            .iter()
            .map(|(is_added, term)| (!is_added, term.intersection(product)))
            .filter(|(_, term)| term.total() > 0)
            .collect();
        terms.push((true, product.clone()));
        terms.extend(common);
    }
    terms
}

impl Product {
    fn parse(text: &str) -> Result<Self, ParseError> {
        let fields = Fields::parse(text)?;
        Ok(Self {
            days: fields.days.year_days(),
            hours: fields.hours,
            minutes: fields.minutes,
            seconds: fields.seconds,
        })
    }

    fn intersection(&self, other: &Self) -> Self {
        Self {
            days: std::array::from_fn(|index| self.days[index].intersection(&other.days[index])),
            hours: self.hours & other.hours,
            minutes: self.minutes & other.minutes,
            seconds: self.seconds & other.seconds,
        }
    }

    /// Something above 0 if there is any point at all.
    fn total(&self) -> u64 {
        self.days.iter().map(Days::len).sum::<u64>() * self.times()
    }

    /// Points of one day.
    fn times(&self) -> u64 {
        ones(self.hours) * ones(self.minutes) * ones(self.seconds)
    }

    fn rank(&self, place: &Place) -> u64 {
        let lengths = self.days.iter().map(Days::len);
        let whole_years: u64 = lengths
            .zip(place.years)
            .map(|(days, years)| days * years)
            .sum();
        let year = &self.days[place.year.index()];
        let days = whole_years + year.before(place.ordinal);
        let today = if year.contains(place.ordinal) {
            self.times_before(place.time)
        } else {
            0
        };
        days * self.times() + today
    }

    fn times_before(&self, time: u64) -> u64 {
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        let of_minute = ones(self.seconds);
        let of_hour = of_minute * ones(self.minutes);
        let mut before = below(self.hours, hour) * of_hour;
        if has(self.hours, hour) {
            before += below(self.minutes, minute) * of_minute;
            if has(self.minutes, minute) {
                before += below(self.seconds, second);
            }
        }
        before
    }
}

fn ones(mask: u64) -> u64 {
    u64::from(mask.count_ones())
}

fn has(mask: u64, bit: u64) -> bool {
    mask & (1 << bit) != 0
}

fn below(mask: u64, bit: u64) -> u64 {
    ones(mask & ((1 << bit) - 1))
}
