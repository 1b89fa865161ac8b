//! A job's schedule in answers: what its owner set, what follows from it, and
//! when it runs next.

use chrono::{DateTime, Utc};
use recurrence::Recurrence;
use serde::Serialize;
use shared_types::{CatchUp, Overlap, ScheduleRules, schedule};
use store::jobs::Job;

use crate::reply::timestamp::Timestamp;

/// How many of the next instants a job shows.
const NEXT_RUNS: usize = 5;

/// The fields of a job that are about its schedule, but for its text.
#[derive(Debug, Serialize)]
pub struct ScheduleView<'a> {
    schedule_timezone: &'a str,
    schedule_exclusions: &'a [String],
    schedule_calendars: Vec<&'a str>,
    schedule_gap: Option<&'static str>,
    schedule_repeat: Option<&'static str>,
    #[serde(flatten)]
    behaviour: Behaviour,
    effective_schedule: Option<EffectiveSchedule<'a>>,
    next_runs: Vec<Timestamp>,
}

/// What is done about instants that cannot simply fire.
#[derive(Debug, Clone, Serialize)]
struct Behaviour {
    overlap_policy: &'static str,
    overlap_limit: Option<u32>,
    overlap_counts_manual: bool,
    catch_up: &'static str,
    catch_up_limit: Option<u32>,
    catch_up_window: Option<u32>,
    jitter: u32,
    start_deadline: Option<u32>,
}

/// Everything that applies, defaults included.
#[derive(Debug, Serialize)]
struct EffectiveSchedule<'a> {
    timezone: &'a str,
    gap: Option<&'static str>,
    repeat: Option<&'static str>,
    /// Seconds by which this job's execs start after their instants.
    delay: f64,
    #[serde(flatten)]
    behaviour: Behaviour,
}

impl<'a> ScheduleView<'a> {
    /// The schedule of a job, seen now.
    pub fn new(job: &'a Job, now: DateTime<Utc>) -> Self {
        let rules = &job.definition.schedule_rules;
        let recurrence = recurrence(job);
        Self {
            schedule_timezone: &rules.timezone,
            schedule_exclusions: &rules.exclusions,
            schedule_calendars: rules.calendars.keys().map(String::as_str).collect(),
            schedule_gap: rules.gap.map(recurrence::GapRule::as_str),
            schedule_repeat: rules.repeat.map(recurrence::RepeatRule::as_str),
            behaviour: Behaviour::of(rules),
            next_runs: recurrence
                .as_ref()
                .filter(|_| job.definition.schedule_active)
                .map(|recurrence| next_runs(recurrence, now, NEXT_RUNS))
                .unwrap_or_default(),
            effective_schedule: job
                .definition
                .schedule_mode
                .as_ref()
                .map(|_| EffectiveSchedule {
                    timezone: &rules.timezone,
                    gap: recurrence.as_ref().map(|it| it.gap_rule().as_str()),
                    repeat: recurrence.as_ref().map(|it| it.repeat_rule().as_str()),
                    delay: rules.delay(job.id).as_seconds_f64(),
                    behaviour: Behaviour::of(rules),
                }),
        }
    }
}

impl Behaviour {
    fn of(rules: &ScheduleRules) -> Self {
        let (catch_up_limit, catch_up_window) = match rules.catch_up {
            CatchUp::All { limit, window } => (Some(limit), Some(window)),
            CatchUp::None | CatchUp::Latest => (None, None),
        };
        Self {
            overlap_policy: rules.overlap.as_str(),
            overlap_limit: match rules.overlap {
                Overlap::QueueAll { limit } => Some(limit),
                _ => None,
            },
            overlap_counts_manual: rules.overlap_counts_manual,
            catch_up: rules.catch_up.as_str(),
            catch_up_limit,
            catch_up_window,
            jitter: rules.jitter,
            start_deadline: rules.start_deadline,
        }
    }
}

/// The planned instants of a job; `None` if it has no text, or one that this
/// version cannot read.
fn recurrence(job: &Job) -> Option<Recurrence> {
    let definition = &job.definition;
    let mode = definition.schedule_mode.as_deref()?;
    schedule::recurrence(mode, &definition.schedule_rules, job.schedule_anchor).ok()
}

/// The next instants that are to run.
pub fn next_runs(recurrence: &Recurrence, from: DateTime<Utc>, count: usize) -> Vec<Timestamp> {
    runs(recurrence, from).take(count).map(Timestamp).collect()
}

/// The instants that are to run, from one on.
pub fn runs(recurrence: &Recurrence, from: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let just_after = |at: DateTime<Utc>| at + chrono::TimeDelta::microseconds(1);
    std::iter::successors(recurrence.next_planned(from), move |at| {
        recurrence.next_planned(just_after(*at))
    })
}
