//! How a schedule's text is read, and what is done about instants that cannot
//! simply fire.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{
    ExclusionError, Exclusions, Expression, GapRule, ParseError, Recurrence, RecurrenceError,
    RepeatRule, Rules, UnknownZone, Zone,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::JobId;

/// Everything a job's owner says of its schedule beside the text; stored with
/// it. A setting that is absent has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleRules {
    /// IANA name of the zone whose wall clock the text speaks of.
    pub timezone: String,
    /// Dates on which nothing runs, as [`Exclusions::parse`] reads them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
    /// Calendars of the job's namespace, whose dates are exclusions too: by their names,
    /// with the dates that each had when this was kept. Who changes a calendar begins a
    /// new generation of each schedule that names it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<String, Vec<String>>,
    /// What becomes of a wall time that the clock jumps over; `None` leaves it
    /// to the form of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapRule>,
    /// Which one counts of a wall time that comes twice; `None` as with `gap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<RepeatRule>,
    /// What is done while an earlier exec of the job has not ended.
    pub overlap: Overlap,
    /// Whether an exec that a person triggered counts as such an exec.
    pub overlap_counts_manual: bool,
    /// What is done about instants that passed while no scheduler was there.
    pub catch_up: CatchUp,
    /// Execs start up to this many seconds after their instant; by how much is
    /// fixed for each job.
    pub jitter: u32,
    /// Seconds after its instant from which an exec is no longer worth while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<u32>,
}

impl Default for ScheduleRules {
    fn default() -> Self {
        Self {
            timezone: "UTC".to_owned(),
            exclusions: Vec::new(),
            calendars: BTreeMap::new(),
            gap: None,
            repeat: None,
            overlap: Overlap::Skip,
            overlap_counts_manual: true,
            catch_up: CatchUp::Latest,
            jitter: 0,
            start_deadline: None,
        }
    }
}

impl ScheduleRules {
    /// How long after its instants this job's execs start: the same for ever,
    /// and spread evenly over the jobs.
    pub fn delay(&self, job: JobId) -> TimeDelta {
        let span = u64::from(self.jitter) * 1_000;
        if span == 0 {
            return TimeDelta::zero();
        }
        let milliseconds = mixed(job.0.cast_unsigned()) % span;
        TimeDelta::milliseconds(milliseconds.cast_signed())
    }

    /// All dates on which nothing runs, the schedule's own first.
    pub fn all_exclusions(&self) -> Result<Exclusions, ExclusionError> {
        let calendars = self.calendars.values().flatten();
        let items: Vec<&String> = self.exclusions.iter().chain(calendars).collect();
        Exclusions::parse(&items)
    }

    /// [`Self::start_deadline`] as a length of time.
    pub fn deadline(&self) -> Option<TimeDelta> {
        self.start_deadline
            .map(|seconds| TimeDelta::seconds(seconds.into()))
    }
}

/// Why a text cannot be followed under its rules.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The text is not a schedule.
    #[error("is not a schedule: {0}")]
    Text(#[source] ParseError),
    /// The zone is none.
    #[error("{0}")]
    Zone(#[source] UnknownZone),
    /// An exclusion cannot be read.
    #[error("{0}")]
    Exclusion(#[source] ExclusionError),
    /// Text and rules do not go together.
    #[error("{0}")]
    Together(#[source] RecurrenceError),
}

/// The planned instants of a text under its rules. `anchor` is where a text
/// without a start begins.
pub fn recurrence(
    mode: &str,
    rules: &ScheduleRules,
    anchor: DateTime<Utc>,
) -> Result<Recurrence, ScheduleError> {
    let expression = Expression::parse(mode).map_err(ScheduleError::Text)?;
    let rules = Rules {
        zone: Zone::named(&rules.timezone).map_err(ScheduleError::Zone)?,
        gap: rules.gap,
        repeat: rules.repeat,
        exclusions: rules.all_exclusions().map_err(ScheduleError::Exclusion)?,
        anchor,
    };
    Recurrence::new(&expression, &rules).map_err(ScheduleError::Together)
}

/// What is done with an instant while an earlier exec of its job has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped.
    Skip,
    /// One instant waits; further ones become part of it.
    QueueOne,
    /// Up to `limit` instants wait; further ones are skipped.
    QueueAll {
        /// How many may wait.
        limit: u32,
    },
    /// The earlier exec is cancelled; the newest instant waits for its end.
    CancelRunning,
    /// It fires beside the earlier exec.
    Allow,
}

impl Overlap {
    /// The word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::QueueOne => "queue_one",
            Self::QueueAll { .. } => "queue_all",
            Self::CancelRunning => "cancel_running",
            Self::Allow => "allow",
        }
    }
}

/// What is done about instants that passed while no scheduler was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum CatchUp {
    /// Nothing: they are missed.
    None,
    /// The newest is made up for until its successor's time.
    Latest,
    /// The newest `limit` of the last `window` seconds are made up for, in
    /// their order; older ones are missed.
    All {
        /// How many at most.
        limit: u32,
        /// How far back, in seconds.
        window: u32,
    },
}

impl CatchUp {
    /// The word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Latest => "latest",
            Self::All { .. } => "all",
        }
    }
}

/// Which of an executor's queues an exec waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// On time, or asked for by a person.
    Normal,
    /// Made up for or backfilled: after everything that is on time.
    Low,
}

impl Lane {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "normal" => Some(Self::Normal),
            "low" => Some(Self::Low),
            _ => None,
        }
    }
}

/// Spreads consecutive numbers evenly (the finaliser of `SplitMix64`, Steele,
/// Lea and Flood 2014). Delays of jobs hang on it: never to be changed.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread_over(jitter: u32) -> ScheduleRules {
        ScheduleRules {
            jitter,
            ..ScheduleRules::default()
        }
    }

    #[test]
    fn a_delay_never_changes() {
        let milliseconds = |job| spread_over(600).delay(JobId(job)).num_milliseconds();
        assert_eq!([milliseconds(1), milliseconds(2)], [422_465, 548_110]);
        assert_eq!(spread_over(0).delay(JobId(1)), TimeDelta::zero());
    }

    #[test]
    fn delays_are_even() {
        let mut tenths = [0_u32; 10];
        for job in 0..10_000 {
            let delay = spread_over(10).delay(JobId(job));
            tenths[usize::try_from(delay.num_seconds()).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn absent_settings_have_their_defaults() {
        let read: ScheduleRules = serde_json::from_str("{}").unwrap();
        assert_eq!(read, ScheduleRules::default());
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(
            serde_json::from_value::<ScheduleRules>(written).unwrap(),
            read
        );
    }

    #[test]
    fn nothing_runs_on_the_dates_of_a_calendar() {
        let dates = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let rules = ScheduleRules {
            exclusions: dates(&["2027-01-02"]),
            calendars: [("holidays".to_owned(), dates(&["2027-01-01", "2027-01-04"]))].into(),
            ..ScheduleRules::default()
        };
        let daily = recurrence("@daily", &rules, DateTime::UNIX_EPOCH).unwrap();
        let mut at = "2027-01-01T00:00:00Z".parse().unwrap();
        let mut runs = Vec::new();
        for _ in 0..3 {
            at = daily.next_planned(at).unwrap();
            runs.push(at.date_naive().to_string());
            at += TimeDelta::seconds(1);
        }
        assert_eq!(runs, ["2027-01-03", "2027-01-05", "2027-01-06"]);
    }

    #[test]
    fn rules_keep_their_form() {
        let json = r#"{"timezone":"Europe/Berlin","exclusions":["--12-25"],"calendars":{"holidays":["2027-01-01"]},"gap":"skip","repeat":"both","overlap":{"policy":"queue_all","limit":3},"overlap_counts_manual":false,"catch_up":{"policy":"all","limit":5,"window":3600},"jitter":60,"start_deadline":300}"#;
        let rules: ScheduleRules = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&rules).unwrap(), json);
    }
}
