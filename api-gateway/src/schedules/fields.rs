//! The fields of a job that say when it runs, read and checked together.

use std::collections::BTreeMap;
use std::iter::successors;
use std::ops::RangeInclusive;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use recurrence::{Expression, GapRule, Recurrence, RepeatRule, Slot, Zone};
use serde_json::Value;
use shared_types::schedule::{self, ScheduleError};
use shared_types::{CatchUp, Overlap, ScheduleRules};

use super::dates;
use crate::catalog::Catalog;
use crate::read::fields::{Fields, boolean, text, whole_number};

/// Bytes of a schedule's text at most.
pub const MODE_MAX: usize = 1024;
/// What is wrong with a schedule that only has excluded instants.
const ALL_EXCLUDED: &str =
    "has all of its instants on excluded dates, so it would never run; exclude fewer";
/// Instants that may wait, or be made up for.
pub const LIMITS: RangeInclusive<u32> = 1..=1000;
/// Seconds up to a year.
pub const WINDOWS: RangeInclusive<u32> = 1..=31_536_000;
/// Seconds up to a day.
pub const JITTERS: RangeInclusive<u32> = 0..=86_400;
/// Seconds up to a week.
pub const DEADLINES: RangeInclusive<u32> = 1..=604_800;
const LIMIT_DEFAULT: u32 = 10;
const WINDOW_DEFAULT: u32 = 86_400;

/// Words of `overlap_policy`.
pub const OVERLAPS: [&str; 5] = ["skip", "queue_one", "queue_all", "cancel_running", "allow"];
/// Words of `catch_up`.
pub const CATCH_UPS: [&str; 3] = ["none", "latest", "all"];
/// Words of `schedule_gap`.
pub const GAPS: [&str; 2] = ["skip", "first_valid"];
/// Words of `schedule_repeat`.
pub const REPEATS: [&str; 3] = ["first", "second", "both"];

/// When a job runs, checked.
#[derive(Debug, Clone)]
pub struct ScheduleDraft {
    /// The text as it was given.
    pub mode: Option<String>,
    /// How it is read and what its instants do.
    pub rules: ScheduleRules,
    /// Whether it fires.
    pub active: bool,
}

impl ScheduleDraft {
    /// Reads all of a job's fields that are about its schedule.
    pub fn read(fields: &mut Fields<'_>, catalog: &Catalog) -> Option<Self> {
        let mode = fields.optional(
            "schedule_mode",
            || Ok(None),
            text(|text| mode(text).map(Some)),
        );
        let active = fields.optional("is_schedule_active", || Ok(false), boolean);
        let rules = rules(fields);
        let draft = Self {
            mode: mode?,
            rules: rules?,
            active: active?,
        };
        if draft.active && draft.mode.is_none() {
            let message = "is required when is_schedule_active is true";
            fields.refuse("schedule_mode", message);
            return None;
        }
        let text = (draft.mode.as_deref(), &draft.rules);
        checked(fields, text, catalog).then_some(draft)
    }
}

/// Whether a text goes with its rules; what does not fit is refused by its field.
pub fn checked(
    fields: &mut Fields<'_>,
    (mode, rules): (Option<&str>, &ScheduleRules),
    catalog: &Catalog,
) -> bool {
    let result = match mode {
        Some(mode) => schedule::recurrence(mode, rules, DateTime::UNIX_EPOCH).map(Some),
        None => parts(rules).map(|()| None),
    };
    if let Ok(Some(recurrence)) = &result {
        if recurrence.is_all_excluded() {
            fields.refuse("schedule_mode", ALL_EXCLUDED);
            return false;
        }
        if let Err(message) = seldom_enough(recurrence, catalog.shortest_period()) {
            fields.refuse("schedule_mode", message);
            return false;
        }
    }
    let refused = |error: ScheduleError| {
        let field = match error {
            ScheduleError::Text(_) | ScheduleError::Together(_) => "schedule_mode",
            ScheduleError::Zone(_) => "schedule_timezone",
            ScheduleError::Exclusion(_) => "schedule_exclusions",
        };
        fields.refuse(field, error.to_string());
    };
    result.map_err(refused).is_ok()
}

/// Instants that are looked at where one pair does not show how close they come.
const LOOKED_AT: usize = 1000;

/// Whether instants keep the shortest period. An interval shows its own at once, and
/// cron has whole seconds; where more is asked, its first instants are looked at.
fn seldom_enough(recurrence: &Recurrence, shortest: TimeDelta) -> Result<(), String> {
    let first = recurrence.kth(0);
    let next = |slot: &Slot| recurrence.first_after(slot.at);
    let looked_at = if shortest <= TimeDelta::seconds(1) {
        2
    } else {
        LOOKED_AT
    };
    let slots: Vec<_> = successors(first, next).take(looked_at).collect();
    let apart = |pair: &[Slot]| (pair[1].at - pair[0].at, pair[0].at);
    match slots.windows(2).map(apart).min() {
        Some((gap, at)) if gap < shortest => Err(format!(
            "is too frequent: after {} the next instant comes {} s later, and the shortest \
             period is {} s",
            at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            gap.as_seconds_f64(),
            shortest.as_seconds_f64(),
        )),
        _ => Ok(()),
    }
}

/// What can be wrong of rules without a text.
fn parts(rules: &ScheduleRules) -> Result<(), ScheduleError> {
    Zone::named(&rules.timezone).map_err(ScheduleError::Zone)?;
    rules.all_exclusions().map_err(ScheduleError::Exclusion)?;
    Ok(())
}

/// The text of a schedule, kept as it was given.
pub fn mode(text: &str) -> Result<String, String> {
    if text.len() > MODE_MAX {
        return Err(format!("is longer than {MODE_MAX} bytes"));
    }
    Expression::parse(text).map_err(|error| format!("is not a schedule: {error}"))?;
    Ok(text.to_owned())
}

fn rules(fields: &mut Fields<'_>) -> Option<ScheduleRules> {
    let wall = wall_clock(fields);
    let overlap = overlap(fields);
    let counts_manual = fields.optional("overlap_counts_manual", || Ok(true), boolean);
    let catch_up = catch_up(fields);
    let jitter = fields.optional("jitter", || Ok(0), |value| whole_number(value, JITTERS));
    let deadline = |value: &Value| whole_number(value, DEADLINES).map(Some);
    let start_deadline = fields.optional("start_deadline", || Ok(None), deadline);
    let (jitter, start_deadline) = (jitter?, start_deadline?);
    if start_deadline.is_some_and(|deadline| deadline <= jitter) {
        fields.refuse("start_deadline", "must be more than jitter");
        return None;
    }
    Some(ScheduleRules {
        overlap: overlap?,
        overlap_counts_manual: counts_manual?,
        catch_up: catch_up?,
        jitter,
        start_deadline,
        ..wall?
    })
}

/// The fields that say which instants the text means; a preview has them too.
pub fn wall_clock(fields: &mut Fields<'_>) -> Option<ScheduleRules> {
    let defaults = ScheduleRules::default();
    let zone = fields.optional(
        "schedule_timezone",
        || Ok(defaults.timezone.clone()),
        text(zone),
    );
    let exclusions = fields.optional("schedule_exclusions", || Ok(Vec::new()), dates::exclusions);
    let calendars = fields.optional(
        "schedule_calendars",
        || Ok(BTreeMap::new()),
        dates::calendars,
    );
    let gap = |text: &str| text.parse::<GapRule>().map(Some);
    let gap = fields.optional("schedule_gap", || Ok(None), word(gap));
    let repeat = |text: &str| text.parse::<RepeatRule>().map(Some);
    let repeat = fields.optional("schedule_repeat", || Ok(None), word(repeat));
    Some(ScheduleRules {
        timezone: zone?,
        exclusions: exclusions?,
        calendars: calendars?,
        gap: gap?,
        repeat: repeat?,
        ..defaults
    })
}

fn zone(text: &str) -> Result<String, String> {
    Zone::named(text)
        .map(|zone| zone.name().to_owned())
        .map_err(|error| error.to_string())
}

fn word<T, E: std::fmt::Display>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(&Value) -> Result<T, String> {
    text(|word| parse(word).map_err(|error| error.to_string()))
}

fn one_of<'a>(known: &[&'a str], text: &str) -> Result<&'a str, String> {
    let found = known.iter().find(|word| **word == text);
    found
        .copied()
        .ok_or_else(|| format!("must be one of: {}", known.join(", ")))
}

fn overlap(fields: &mut Fields<'_>) -> Option<Overlap> {
    let policy = text(|text| one_of(&OVERLAPS, text));
    let policy = fields.optional("overlap_policy", || Ok("skip"), policy);
    let given = (policy == Some("queue_all")).then_some(LIMITS);
    let limit = only_with(fields, "overlap_limit", given, LIMIT_DEFAULT)?;
    Some(match policy? {
        "queue_one" => Overlap::QueueOne,
        "queue_all" => Overlap::QueueAll { limit },
        "cancel_running" => Overlap::CancelRunning,
        "allow" => Overlap::Allow,
        _ => Overlap::Skip,
    })
}

fn catch_up(fields: &mut Fields<'_>) -> Option<CatchUp> {
    let policy = text(|text| one_of(&CATCH_UPS, text));
    let policy = fields.optional("catch_up", || Ok("latest"), policy);
    let given = |range| (policy == Some("all")).then_some(range);
    let limit = only_with(fields, "catch_up_limit", given(LIMITS), LIMIT_DEFAULT);
    let window = only_with(fields, "catch_up_window", given(WINDOWS), WINDOW_DEFAULT);
    let (limit, window) = (limit?, window?);
    Some(match policy? {
        "none" => CatchUp::None,
        "all" => CatchUp::All { limit, window },
        _ => CatchUp::Latest,
    })
}

/// A number that only one policy has; its range if that is the one.
fn only_with(
    fields: &mut Fields<'_>,
    name: &'static str,
    range: Option<RangeInclusive<u32>>,
    default: u32,
) -> Option<u32> {
    let parse = |value: &Value| {
        if let Some(range) = range {
            return whole_number(value, range);
        }
        let (policy, word) = match name {
            "overlap_limit" => ("overlap_policy", "queue_all"),
            _ => ("catch_up", "all"),
        };
        Err(format!(
            "is only for {policy} \"{word}\"; leave it out otherwise"
        ))
    };
    fields.optional(name, || Ok(default), parse)
}
