//! An expression in a zone: slots, and every question asked of them.

mod build;
mod change;
mod part;
mod search;

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};

pub use change::ClockChange;

use crate::calendar::{DAY, FIRST, LAST, SECOND, instant, micros};
use crate::error::{ParseError, RecurrenceError};
use crate::exclusions::Exclusions;
use crate::expression::Expression;
use crate::line::Line;
use crate::rules::{GapRule, RepeatRule, Rules};
use crate::slot::{Counts, Fate, Slot};
use crate::zone::Zone;

/// Runs of exclusions that a search for a planned slot looks behind: more than
/// there are weekends in three hundred years.
const LOOKED_BEHIND: usize = 20_000;
/// No two clocks are further apart.
const CLOCKS: i64 = 2 * DAY;

/// The slots of a schedule: instants in order, whole microseconds, none twice.
/// Cheap to clone.
///
/// A slot that does not run, for an exclusion or a clock change, is one all the
/// same: it is counted, and uses one of `Rn`'s runs. Outside of the years 1 to
/// 9999 there are none; no input panics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence(Arc<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    line: Line,
    zone: Zone,
    gap: GapRule,
    repeat: RepeatRule,
    exclusions: Exclusions,
    runs: Option<u64>,
    /// Where [`Recurrence::kth`] counts from.
    origin: i64,
    /// There is no slot after this instant.
    last: i64,
}

/// A slot's instant, and whether it stands for wall times in a gap.
type Found = (i64, bool);

impl Recurrence {
    /// Places an expression in a zone.
    pub fn new(expression: &Expression, rules: &Rules) -> Result<Self, RecurrenceError> {
        build::build(expression, rules).map(|inner| Self(Arc::new(inner)))
    }

    /// Reads a text in UTC, without exclusions, with the Unix epoch as the start
    /// of an interval without one.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("R2/2020-01-01T00:00:00Z/PT30M")?;
    /// assert_eq!(schedule.kth(1).unwrap().at.to_rfc3339(), "2020-01-01T00:30:00+00:00");
    /// assert_eq!(schedule.kth(2), None);
    /// # Ok::<(), recurrence::RecurrenceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, RecurrenceError> {
        let expression = Expression::parse(text).map_err(|error: ParseError| error)?;
        Self::new(&expression, &Rules::default())
    }

    /// The rule for gaps that applies.
    pub fn gap_rule(&self) -> GapRule {
        self.0.gap
    }

    /// The rule for repeated wall times that applies.
    pub fn repeat_rule(&self) -> RepeatRule {
        self.0.repeat
    }

    /// How many slots there are in all; `None` is for ever.
    pub fn runs(&self) -> Option<u64> {
        self.0.runs
    }

    /// Whether every slot falls on an exclusion, so that it never runs.
    pub fn is_all_excluded(&self) -> bool {
        let inner = &self.0;
        !inner.exclusions.is_empty()
            && inner.next_planned(inner.origin).is_none()
            && inner.next_planned(FIRST).is_none()
            && inner.first(FIRST).is_some()
    }

    /// The same schedule without an end.
    #[must_use]
    pub fn endless(&self) -> Self {
        if self.0.last == LAST {
            return self.clone();
        }
        Self(Arc::new(Inner {
            runs: None,
            last: LAST,
            ..Inner::clone(&self.0)
        }))
    }

    /// The k-th slot, counted from 0: of an interval from its start, of a cron
    /// expression from [`Rules::anchor`].
    pub fn kth(&self, k: u64) -> Option<Slot> {
        self.slot(self.0.nth(self.0.origin, k)?)
    }

    /// The first slot that is not before `t`.
    pub fn first_at_or_after(&self, t: DateTime<Utc>) -> Option<Slot> {
        self.slot(self.0.first(ceiling(t))?)
    }

    /// The first slot after `t`.
    pub fn first_after(&self, t: DateTime<Utc>) -> Option<Slot> {
        self.slot(self.0.first(micros(t) + 1)?)
    }

    /// The last slot that is not after `t`.
    pub fn last_at_or_before(&self, t: DateTime<Utc>) -> Option<Slot> {
        self.slot(self.0.last(micros(t) + 1)?)
    }

    /// The last slot before `t`.
    pub fn last_before(&self, t: DateTime<Utc>) -> Option<Slot> {
        self.slot(self.0.last(ceiling(t))?)
    }

    /// The n-th slot, counted from 0, of those that are not before `t`.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("@monthly")?;
    /// let slot = schedule.nth_from("2026-01-15T00:00:00Z".parse().unwrap(), 1200).unwrap();
    /// assert_eq!(slot.at.to_rfc3339(), "2126-02-01T00:00:00+00:00");
    /// # Ok::<(), recurrence::RecurrenceError>(())
    /// ```
    pub fn nth_from(&self, t: DateTime<Utc>, n: u64) -> Option<Slot> {
        self.slot(self.0.nth(ceiling(t), n)?)
    }

    /// How many slots lie in `a <= slot < b`, by their fate; none if `b` is not
    /// after `a`.
    ///
    /// ```
    /// # use recurrence::Recurrence;
    /// let schedule = Recurrence::parse("* * * * * *")?; // every second
    /// let [a, b] = ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"].map(|t| t.parse().unwrap());
    /// assert_eq!(schedule.count_between(a, b).planned, 365 * 86_400);
    /// # Ok::<(), recurrence::RecurrenceError>(())
    /// ```
    pub fn count_between(&self, a: DateTime<Utc>, b: DateTime<Utc>) -> Counts {
        self.0.count(ceiling(a), ceiling(b))
    }

    /// The n-th slot, counted from 0, of one fate in `a <= slot < b`, by halving.
    ///
    /// ```
    /// # use recurrence::{Exclusions, Expression, Fate, Recurrence, Rules};
    /// let rules = Rules { exclusions: Exclusions::parse(&["* * SAT,SUN"])?, ..Rules::default() };
    /// let hourly = Recurrence::new(&Expression::parse("@hourly")?, &rules)?;
    /// let year = ["2026-01-01T00:00:00Z".parse()?, "2027-01-01T00:00:00Z".parse()?];
    /// let last = hourly.nth_of(Fate::Excluded, (year[0], year[1]), 104 * 24 - 1).unwrap();
    /// assert_eq!(last.to_rfc3339(), "2026-12-27T23:00:00+00:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nth_of(
        &self,
        fate: Fate,
        (a, b): (DateTime<Utc>, DateTime<Utc>),
        n: u64,
    ) -> Option<DateTime<Utc>> {
        let (a, b) = (ceiling(a), ceiling(b));
        instant(self.0.nth_of(fate, (a, b), n)?)
    }

    /// The first slot that is not before `t` and is to run.
    pub fn next_planned(&self, t: DateTime<Utc>) -> Option<DateTime<Utc>> {
        instant(self.0.next_planned(ceiling(t))?)
    }

    /// Of the slots before `t` that are to run, the newest if `n` is 0, the one
    /// before it if `n` is 1, and so on.
    pub fn nth_planned_before(&self, t: DateTime<Utc>, n: u64) -> Option<DateTime<Utc>> {
        let mut found = self.0.last_planned(ceiling(t))?;
        for _ in 0..n {
            found = self.0.last_planned(found)?;
        }
        instant(found)
    }

    /// What the zone's wall clock shows.
    pub fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        let seconds = self.0.zone.stretch(micros(at)).offset / SECOND;
        let offset = i32::try_from(seconds).ok().and_then(FixedOffset::east_opt);
        offset.map_or_else(|| at.fixed_offset(), |offset| at.with_timezone(&offset))
    }

    /// What a clock change did to the slot at this instant.
    pub fn clock_change(&self, at: DateTime<Utc>) -> Option<ClockChange> {
        change::of(&self.0, micros(at))
    }

    fn slot(&self, (at, is_gap): Found) -> Option<Slot> {
        let fate = self.0.fate(at, is_gap);
        instant(at).map(|at| Slot { at, fate })
    }
}

/// The first whole microsecond that is not before an instant.
fn ceiling(t: DateTime<Utc>) -> i64 {
    micros(t) + i64::from(!t.timestamp_subsec_nanos().is_multiple_of(1000))
}
