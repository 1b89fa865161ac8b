//! A start, a period and a number of runs, and every question asked of them.

use chrono::{DateTime, Utc};

use crate::error::ParseError;
use crate::parse::parse;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The planned instants of a schedule: `start + k * period` for each `k` below
/// the number of runs. Always counted from the start, so nothing drifts.
///
/// Instants outside of what [`DateTime<Utc>`] can say do not exist; no input
/// panics.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recurrence {
    /// Nanoseconds since the Unix epoch.
    start: i128,
    /// Nanoseconds; at least 1,000, so that instants stay apart when they are
    /// cut to the microseconds a database keeps.
    period: i128,
    /// `None` is for ever.
    runs: Option<u64>,
}

impl Recurrence {
    /// Reads a schedule; see the crate's documentation for the accepted forms.
    /// A start without an offset is UTC.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse(text)
    }

    pub(crate) fn new(start: DateTime<Utc>, period: i128, runs: Option<u64>) -> Self {
        Self {
            start: nanos(start),
            period,
            runs,
        }
    }

    /// How many runs there are in all; `None` is for ever.
    pub fn runs(&self) -> Option<u64> {
        self.runs
    }

    /// The same schedule without an end.
    #[must_use]
    pub fn endless(&self) -> Self {
        Self {
            runs: None,
            ..self.clone()
        }
    }

    /// The k-th instant, counted from 0.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("R2/2020-01-01T00:00:00Z/PT30M")?;
    /// assert_eq!(schedule.kth(1), Some("2020-01-01T00:30:00Z".parse().unwrap()));
    /// assert_eq!(schedule.kth(2), None);
    /// # Ok::<(), recurrence::ParseError>(())
    /// ```
    pub fn kth(&self, k: u64) -> Option<DateTime<Utc>> {
        if self.runs.is_some_and(|runs| k >= runs) {
            return None;
        }
        let nanos = self.period.checked_mul(k.into())?.checked_add(self.start)?;
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
        let fraction = u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).ok()?;
        DateTime::from_timestamp(seconds, fraction)
    }

    /// The first instant that is not before `t`.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("R/2020-01-01T00:00:00Z/PT1S")?;
    /// let next = schedule.first_at_or_after("2021-01-01T00:00:00.5Z".parse().unwrap());
    /// assert_eq!(next, Some("2021-01-01T00:00:01Z".parse().unwrap()));
    /// # Ok::<(), recurrence::ParseError>(())
    /// ```
    pub fn first_at_or_after(&self, t: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.kth(self.count_before(t))
    }

    /// The first instant that is after `t`.
    pub fn first_after(&self, t: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.kth(self.passed(nanos(t) + 1))
    }

    /// The last instant that is not after `t`.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("R3/2020-01-01T00:00:00Z/PT1H")?;
    /// let last = schedule.last_at_or_before("2030-01-01T00:00:00Z".parse().unwrap());
    /// assert_eq!(last, Some("2020-01-01T02:00:00Z".parse().unwrap()));
    /// # Ok::<(), recurrence::ParseError>(())
    /// ```
    pub fn last_at_or_before(&self, t: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let passed = self.passed(nanos(t) + 1);
        self.kth(passed.checked_sub(1)?)
    }

    /// How many instants lie in `a <= instant < b`; 0 if `b` is not after `a`.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("R/2020-01-01T00:00:00Z/PT1H")?;
    /// let day = ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"].map(|t| t.parse().unwrap());
    /// assert_eq!(schedule.count_between(day[0], day[1]), 24);
    /// # Ok::<(), recurrence::ParseError>(())
    /// ```
    pub fn count_between(&self, a: DateTime<Utc>, b: DateTime<Utc>) -> u64 {
        self.count_before(b).saturating_sub(self.count_before(a))
    }

    fn count_before(&self, t: DateTime<Utc>) -> u64 {
        self.passed(nanos(t))
    }

    /// How many instants lie before `t` nanoseconds: the k of the first that
    /// does not.
    fn passed(&self, t: i128) -> u64 {
        if t <= self.start {
            return 0;
        }
        // Both are instants of chrono's range, so their distance is far from
        // i128's ends; the shift by one makes the division round up.
        let passed = (t - self.start - 1) / self.period + 1;
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.runs.map_or(passed, |runs| passed.min(runs))
    }
}

fn nanos(t: DateTime<Utc>) -> i128 {
    i128::from(t.timestamp()) * NANOS_PER_SECOND + i128::from(t.timestamp_subsec_nanos())
}
