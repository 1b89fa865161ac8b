//! When a job runs: its fields that say so, read and checked together.

use std::iter::successors;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use recurrence::{Recurrence, Slot, Zone};
use shared_types::schedule::{self, ScheduleError};
use shared_types::{CatchUp, Overlap, ScheduleRules};

use super::dates;
use super::fields as rules;
use crate::catalog::Catalog;
use crate::read::fields::Fields;
use crate::read::rule::{Rule, boolean};

/// What is wrong with a schedule that only has excluded instants.
const ALL_EXCLUDED: &str =
    "has all of its instants on excluded dates, so it would never run; exclude fewer";
const LIMIT_DEFAULT: u32 = 10;
const WINDOW_DEFAULT: u32 = 86_400;

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
        let mode = fields.optional("schedule_mode", rules::mode());
        let active = boolean("Whether it runs on time; needs `schedule_mode`");
        let active = fields.defaulting("is_schedule_active", active, || Ok(false));
        let rules = read_rules(fields);
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

fn read_rules(fields: &mut Fields<'_>) -> Option<ScheduleRules> {
    let wall = wall_clock(fields);
    let overlap = overlap(fields);
    let counts_manual = rules::overlap_counts_manual();
    let counts_manual = fields.defaulting("overlap_counts_manual", counts_manual, || Ok(true));
    let catch_up = catch_up(fields);
    let jitter = fields.defaulting("jitter", rules::jitter(), || Ok(0));
    let start_deadline = fields.optional("start_deadline", rules::start_deadline());
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
    let zone = fields.optional("schedule_timezone", rules::timezone());
    let exclusions = fields.optional("schedule_exclusions", dates::exclusions());
    let calendars = fields.optional("schedule_calendars", dates::calendars());
    let gap = fields.optional("schedule_gap", rules::gap());
    let repeat = fields.optional("schedule_repeat", rules::repeat());
    Some(ScheduleRules {
        timezone: zone?.unwrap_or(defaults.timezone),
        exclusions: exclusions?.unwrap_or_default(),
        calendars: calendars?.unwrap_or_default(),
        gap: gap?,
        repeat: repeat?,
        ..defaults
    })
}

fn overlap(fields: &mut Fields<'_>) -> Option<Overlap> {
    let policy = fields.defaulting("overlap_policy", rules::overlap_policy(), || Ok("skip"));
    let limit = rules::overlap_limit();
    let limit = only_with("overlap_policy", (policy, "queue_all"), limit);
    let limit = fields.defaulting("overlap_limit", limit, || Ok(LIMIT_DEFAULT))?;
    Some(match policy? {
        "queue_one" => Overlap::QueueOne,
        "queue_all" => Overlap::QueueAll { limit },
        "cancel_running" => Overlap::CancelRunning,
        "allow" => Overlap::Allow,
        _ => Overlap::Skip,
    })
}

fn catch_up(fields: &mut Fields<'_>) -> Option<CatchUp> {
    let policy = fields.defaulting("catch_up", rules::catch_up(), || Ok("latest"));
    let limit = only_with("catch_up", (policy, "all"), rules::catch_up_limit());
    let limit = fields.defaulting("catch_up_limit", limit, || Ok(LIMIT_DEFAULT));
    let window = only_with("catch_up", (policy, "all"), rules::catch_up_window());
    let window = fields.defaulting("catch_up_window", window, || Ok(WINDOW_DEFAULT));
    let (limit, window) = (limit?, window?);
    Some(match policy? {
        "none" => CatchUp::None,
        "all" => CatchUp::All { limit, window },
        _ => CatchUp::Latest,
    })
}

/// A rule for a number that only one policy has.
fn only_with<'a>(
    field: &'a str,
    (policy, its): (Option<&str>, &'a str),
    rule: Rule<'a, u32>,
) -> Rule<'a, u32> {
    if policy == Some(its) {
        return rule;
    }
    let refusal = move || format!("is only for {field} \"{its}\"; leave it out otherwise");
    Rule::new(|| rule.schema(), move |_| Err(refusal()))
}
