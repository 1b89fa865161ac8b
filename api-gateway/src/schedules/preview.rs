//! What a schedule would do: when it runs next, and how that goes with how long
//! its execs take. Nothing is written.

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::{GapRule, Recurrence, RepeatRule};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared_types::ScheduleRules;
use shared_types::schedule::{self, ScheduleError};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::catalog::Catalog;
use crate::jobs::draft::JobDraft;
use crate::openapi::types::{self, document};
use crate::read::fields::{FieldError, Fields};
use crate::read::names;
use crate::read::rule::{instant, number};
use crate::reply::timestamp::Timestamp;
use crate::schedules::draft::{checked, wall_clock};
use crate::schedules::fields::mode;
use crate::schedules::view::runs;

/// Runs that a preview shows unless it is asked for another number.
const COUNT_DEFAULT: u32 = 10;

/// A schedule to be looked at.
#[derive(Debug, Clone)]
pub struct PreviewRequest {
    /// Whose calendars it names; the caller's if `None`.
    pub namespace: Option<String>,
    /// Text of the schedule.
    pub mode: String,
    /// How it is read; the dates of its calendars are to be filled in.
    pub rules: ScheduleRules,
    from: DateTime<Utc>,
    count: usize,
}

/// When a schedule runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "runs": [{
        "at": "2026-03-29T01:00:00.000000+00:00", "local": "2026-03-29T03:00:00+02:00",
        "note": "02:30:00 does not exist on this day; the clock goes forward to 03:00:00",
    }],
    "timezone": "Europe/Berlin", "gap": "first_valid", "repeat": "first",
})))]
pub struct Preview {
    /// Its next runs.
    #[schema(inline)]
    runs: Vec<Run>,
    /// The zone.
    timezone: String,
    #[schema(schema_with = gap)]
    gap: &'static str,
    #[schema(schema_with = repeat)]
    repeat: &'static str,
}

fn gap() -> Object {
    types::word(GapRule::ALL.map(GapRule::as_str), "The rule that applies")
}

fn repeat() -> Object {
    let words = RepeatRule::ALL.map(RepeatRule::as_str);
    types::word(words, "The rule that applies")
}

/// One run.
#[derive(Debug, Serialize, ToSchema)]
struct Run {
    /// When it runs.
    at: Timestamp,
    /// What the zone's clock shows then, with its offset.
    #[schema(format = "date-time", examples("2026-03-29T03:00:00+02:00"))]
    local: String,
    /// What a clock change did to it.
    #[schema(required)]
    note: Option<String>,
}

/// What a new or changed job would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// Its next runs.
    #[schema(inline)]
    runs: Vec<Run>,
    /// How many of the runs would come while the one before still ran; unknown
    /// for a job that has not run.
    #[schema(required)]
    expected_overlaps: Option<u32>,
    /// Seconds that the job's last execs took, the middle one of them.
    #[schema(required)]
    median_duration: Option<f64>,
    /// Instants of the past that would be fired: none, whatever is changed.
    #[schema(value_type = Vec<Timestamp>, max_items = 0)]
    old_instants: [Timestamp; 0],
}

impl PreviewRequest {
    /// Reads a body.
    pub fn parse(
        body: &Map<String, Value>,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, |fields| Self::read(fields, catalog, now))
    }

    fn read(fields: &mut Fields<'_>, catalog: &Catalog, now: DateTime<Utc>) -> Option<Self> {
        let mode = fields.required("schedule_mode", mode());
        let rules = wall_clock(fields);
        let namespace = "Whose calendars it names; the caller's own if left out";
        let namespace = fields.optional("namespace", names::namespace(namespace));
        let from = instant("No run before it; now if left out", "2026-01-01T00:00:00Z");
        let from = fields.defaulting("from", from, || Ok(now));
        let count = number(1..=1000, "Runs to show; 10 if left out");
        let count = fields.defaulting("count", count, || Ok(COUNT_DEFAULT));
        let (mode, rules) = (mode?, rules?);
        checked(fields, (Some(&mode), &rules), catalog).then_some(())?;
        Some(Self {
            namespace: namespace?,
            mode,
            rules,
            from: from?,
            count: usize::try_from(count?).ok()?,
        })
    }

    /// The answer; a text without a start would begin now.
    pub fn preview(self, now: DateTime<Utc>) -> Result<Preview, ScheduleError> {
        let recurrence = schedule::recurrence(&self.mode, &self.rules, now)?;
        Ok(Preview {
            runs: shown(&recurrence, self.from, self.count),
            timezone: self.rules.timezone,
            gap: recurrence.gap_rule().as_str(),
            repeat: recurrence.repeat_rule().as_str(),
        })
    }
}

document!(
    PreviewRequest,
    "PreviewRequest",
    Fields::schema(|fields| Self::read(fields, &Catalog::default(), Utc::now())).examples([
        json!({
            "schedule_mode": "30 2 * * *", "schedule_timezone": "Europe/Berlin",
            "from": "2026-03-28T12:00:00Z", "count": 2,
        })
    ])
);

fn shown(recurrence: &Recurrence, from: DateTime<Utc>, count: usize) -> Vec<Run> {
    runs(recurrence, from)
        .take(count)
        .map(|at| Run {
            at: Timestamp(at),
            local: recurrence.local(at).to_rfc3339(),
            note: recurrence.clock_change(at).map(|change| change.to_string()),
        })
        .collect()
}

impl DryRun {
    /// What a job would do from now on, whose last execs took so long. `anchor`
    /// is where its schedule would begin if its text does not say.
    pub fn new(
        draft: &JobDraft,
        anchor: DateTime<Utc>,
        now: DateTime<Utc>,
        mut durations: Vec<TimeDelta>,
    ) -> Self {
        let schedule = draft.schedule();
        let mode = schedule.mode.as_deref().filter(|_| schedule.active);
        let recurrence =
            mode.and_then(|mode| schedule::recurrence(mode, &schedule.rules, anchor).ok());
        let shown = recurrence.map(|recurrence| {
            let count = usize::try_from(COUNT_DEFAULT).unwrap_or_default();
            shown(&recurrence, now, count)
        });
        let runs = shown.unwrap_or_default();
        durations.sort_unstable();
        let median = durations.get(durations.len() / 2).copied();
        Self {
            expected_overlaps: median.map(|median| overlaps(&runs, median)),
            median_duration: median.map(TimeDelta::as_seconds_f64),
            old_instants: [],
            runs,
        }
    }
}

fn overlaps(runs: &[Run], duration: TimeDelta) -> u32 {
    let is_overlap = |pair: &&[Run]| pair[1].at.0 - pair[0].at.0 < duration;
    let overlaps = runs.windows(2).filter(is_overlap).count();
    u32::try_from(overlaps).unwrap_or(u32::MAX)
}
