//! A job's schedule in answers: what its owner set, what follows from it, and
//! when it runs next.

use chrono::{DateTime, Utc};
use recurrence::Recurrence;
use serde::Serialize;
use shared_types::{CatchUp, Overlap, ScheduleRules, schedule};
use store::clock::just_after;
use store::jobs::Job;
use utoipa::ToSchema;

use super::{dates, fields};
use crate::openapi::types::{or_null, schemas};
use crate::reply::timestamp::Timestamp;

/// How many of the next instants a job shows.
const NEXT_RUNS: usize = 5;

/// The fields of a job that are about its schedule, but for its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleView<'a> {
    #[schema(schema_with = timezone)]
    schedule_timezone: &'a str,
    #[schema(schema_with = exclusions)]
    schedule_exclusions: &'a [String],
    #[schema(schema_with = calendars)]
    schedule_calendars: Vec<&'a str>,
    #[schema(required, schema_with = gap)]
    schedule_gap: Option<&'static str>,
    #[schema(required, schema_with = repeat)]
    schedule_repeat: Option<&'static str>,
    #[serde(flatten)]
    #[schema(inline)]
    policy: PolicyView,
    /// Everything that applies, defaults included; `null` without a schedule.
    #[schema(required, inline)]
    effective_schedule: Option<EffectiveSchedule<'a>>,
    /// The next instants that run; none of a schedule that is not active.
    next_runs: Vec<Timestamp>,
}

/// What is done about instants that cannot simply fire.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct PolicyView {
    #[schema(schema_with = overlap_policy)]
    overlap_policy: &'static str,
    #[schema(required, schema_with = overlap_limit)]
    overlap_limit: Option<u32>,
    #[schema(schema_with = overlap_counts_manual)]
    overlap_counts_manual: bool,
    #[schema(schema_with = catch_up)]
    catch_up: &'static str,
    #[schema(required, schema_with = catch_up_limit)]
    catch_up_limit: Option<u32>,
    #[schema(required, schema_with = catch_up_window)]
    catch_up_window: Option<u32>,
    #[schema(schema_with = jitter)]
    jitter: u32,
    #[schema(required, schema_with = start_deadline)]
    start_deadline: Option<u32>,
}

/// Everything that applies, defaults included.
#[derive(Debug, Serialize, ToSchema)]
struct EffectiveSchedule<'a> {
    /// The zone.
    timezone: &'a str,
    #[schema(required, schema_with = gap)]
    gap: Option<&'static str>,
    #[schema(required, schema_with = repeat)]
    repeat: Option<&'static str>,
    /// Seconds by which this job's execs start after their instants.
    delay: f64,
    #[serde(flatten)]
    #[schema(inline)]
    policy: PolicyView,
}

schemas! {
    timezone = fields::timezone().schema();
    exclusions = dates::exclusions().schema();
    calendars = dates::calendars().schema();
    gap = or_null(fields::gap().schema());
    repeat = or_null(fields::repeat().schema());
    overlap_policy = fields::overlap_policy().schema();
    overlap_limit = or_null(fields::overlap_limit().schema());
    overlap_counts_manual = fields::overlap_counts_manual().schema();
    catch_up = fields::catch_up().schema();
    catch_up_limit = or_null(fields::catch_up_limit().schema());
    catch_up_window = or_null(fields::catch_up_window().schema());
    jitter = fields::jitter().schema();
    start_deadline = or_null(fields::start_deadline().schema());
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
            policy: PolicyView::of(rules),
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
                    policy: PolicyView::of(rules),
                }),
        }
    }
}

impl PolicyView {
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
    std::iter::successors(recurrence.next_planned(from), move |at| {
        recurrence.next_planned(just_after(*at))
    })
}
