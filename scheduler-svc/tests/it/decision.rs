//! What becomes of instants that are due, row by row, and the rule that all
//! policies keep: every planned instant is accounted for exactly once.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use recurrence::Recurrence;
use scheduler_svc::decision::{Decision, Standing, decide};
use shared_types::{CatchUp, Lane, ScheduleRules};
use store::schedules::Range;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-06-01T{text}Z")
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn read(text: &str) -> Recurrence {
    Recurrence::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decision(
    recurrence: &Recurrence,
    rules: &ScheduleRules,
    (next_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Decision {
    let standing = Standing {
        generation: 1,
        next_at,
        rules,
        delay: TimeDelta::zero(),
    };
    decide(&standing, recurrence, now)
}

fn caught_up(catch_up: CatchUp, start_deadline: Option<u32>) -> ScheduleRules {
    ScheduleRules {
        catch_up,
        start_deadline,
        ..ScheduleRules::default()
    }
}

/// `missed 12:00-12:04 5, low 12:05, next 12:06`
fn told(decision: &Decision) -> String {
    let clock = |at: DateTime<Utc>| at.format("%H:%M").to_string();
    let range = |range: &Range| {
        let (first, last) = (clock(range.first_at), clock(range.last_at));
        let reason = range.outcome.reason().unwrap_or_default();
        format!("{reason} {first}-{last} {}", range.count)
    };
    let settled = decision.settled.iter().map(range);
    let wanted = decision
        .wanted
        .iter()
        .map(|wanted| format!("{} {}", wanted.lane.as_str(), clock(wanted.slot_at)));
    let next = decision.next_at.map(|next| format!("next {}", clock(next)));
    let parts: Vec<String> = settled.chain(wanted).chain(next).collect();
    parts.join(", ")
}

const NONE: CatchUp = CatchUp::None;
const LATEST: CatchUp = CatchUp::Latest;
const ALL: CatchUp = CatchUp::All {
    limit: 3,
    window: 150,
};

/// All of `<runs>/2026-06-01T12:00:00Z/PT1M` with 12:00 as the first instant
/// that nothing became of.
#[rustfmt::skip]
const CASES: [(&str, CatchUp, Option<u32>, &str, &str); 18] = [
    ("R", LATEST, None, "11:59:59.999999", "next 12:00"),
    ("R", LATEST, None, "12:00:00", "normal 12:00, next 12:01"),
    ("R", NONE, None, "12:00:09", "normal 12:00, next 12:01"),
    ("R", NONE, None, "12:00:10", "scheduler_away 12:00-12:00 1, next 12:01"),
    ("R", LATEST, None, "12:00:59.999999", "low 12:00, next 12:01"),
    ("R", LATEST, None, "12:01:00", "scheduler_away 12:00-12:00 1, normal 12:01, next 12:02"),
    ("R", LATEST, None, "12:05:30", "scheduler_away 12:00-12:04 5, low 12:05, next 12:06"),
    ("R1", LATEST, None, "12:00:00", "normal 12:00"),
    ("R3", LATEST, None, "12:02:59", "scheduler_away 12:00-12:01 2, low 12:02"),
    ("R3", LATEST, None, "12:03:00", "scheduler_away 12:00-12:02 3"),
    ("R", ALL, None, "12:02:30", "low 12:00, low 12:01, low 12:02, next 12:03"),
    ("R", ALL, None, "12:05:00", "scheduler_away 12:00-12:02 3, low 12:03, low 12:04, normal 12:05, next 12:06"),
    ("R", ALL, None, "12:09:20", "scheduler_away 12:00-12:06 7, low 12:07, low 12:08, low 12:09, next 12:10"),
    ("R3", ALL, None, "12:03:30", "scheduler_away 12:00-12:00 1, low 12:01, low 12:02"),
    ("R", ALL, Some(60), "12:02:30", "start_deadline 12:00-12:01 2, low 12:02, next 12:03"),
    ("R", LATEST, Some(30), "12:05:31", "scheduler_away 12:00-12:04 5, start_deadline 12:05-12:05 1, next 12:06"),
    ("R", LATEST, Some(30), "12:05:30", "scheduler_away 12:00-12:04 5, low 12:05, next 12:06"),
    ("R", NONE, Some(1), "12:00:05", "start_deadline 12:00-12:00 1, next 12:01"),
];

#[test]
fn policies() {
    for (runs, catch_up, deadline, now, expected) in CASES {
        let recurrence = read(&format!("{runs}/2026-06-01T12:00:00Z/PT1M"));
        let rules = caught_up(catch_up, deadline);
        let decision = decision(&recurrence, &rules, (at("12:00:00"), at(now)));
        assert_eq!(told(&decision), expected, "{runs} {catch_up:?} {now}");
    }
}

#[test]
fn a_slow_step_makes_nothing_late() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1S");
    let rules = ScheduleRules::default();
    let decision = decision(&recurrence, &rules, (at("12:00:00"), at("12:00:09")));
    assert_eq!(decision.settled, []);
    assert_eq!(decision.wanted.len(), 10);
    let ordered = decision.wanted.is_sorted_by_key(|wanted| wanted.slot_at);
    assert!(
        ordered
            && decision
                .wanted
                .iter()
                .all(|wanted| wanted.lane == Lane::Normal)
    );
}

#[test]
fn a_delayed_schedule_is_looked_at_later() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1M");
    let rules = ScheduleRules::default();
    let standing = Standing {
        generation: 1,
        next_at: at("12:00:00"),
        rules: &rules,
        delay: TimeDelta::seconds(40),
    };
    let early = decide(&standing, &recurrence, at("12:00:39.999999"));
    assert_eq!(early.wanted, []);
    assert_eq!(early.due_at, Some(at("12:00:40")));
    let due = decide(&standing, &recurrence, at("12:00:40"));
    assert_eq!(told(&due), "normal 12:00, next 12:01");
    assert_eq!(due.due_at, Some(at("12:01:40")));
}

#[test]
fn a_next_instant_of_another_timetable_is_moved_on() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1M");
    let rules = ScheduleRules::default();
    let decision = decision(&recurrence, &rules, (at("12:00:10"), at("12:00:20")));
    assert_eq!(told(&decision), "next 12:01");
}

#[test]
fn a_year_of_seconds_is_one_step() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1S");
    let year = at("12:00:00") + TimeDelta::days(365);
    let decision = decision(&recurrence, &caught_up(NONE, None), (at("12:00:00"), year));
    let [missed] = decision.settled.as_slice() else {
        panic!("{decision:?}");
    };
    assert_eq!(missed.count, 365 * 86_400 - 9);
    assert_eq!(decision.wanted.len(), 10);
}

#[test]
fn a_schedule_too_fast_for_anybody_is_cut() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT0.000001S");
    let rules = ScheduleRules::default();
    let decision = decision(&recurrence, &rules, (at("12:00:00"), at("13:00:00")));
    assert_eq!(decision.wanted.len(), 100);
    assert_eq!(decision.settled[0].count, 3_600_000_001 - 100);
}

fn any_rules() -> impl Strategy<Value = ScheduleRules> {
    let all = (1_u32..5, 1_u32..100).prop_map(|(limit, window)| CatchUp::All { limit, window });
    let catch_up = prop_oneof![Just(CatchUp::None), Just(CatchUp::Latest), all];
    (catch_up, prop::option::of(1_u32..60))
        .prop_map(|(catch_up, deadline)| caught_up(catch_up, deadline))
}

proptest! {
    #[test]
    fn every_instant_is_accounted_for_once(
        offset in 0_i64..2_000_000,
        period in 1_000_i64..5_000_000,
        runs in prop::option::of(1_u64..100),
        rules in any_rules(),
        gaps in prop::collection::vec(0_i64..60_000_000, 1..30),
    ) {
        let start = at("12:00:00") + TimeDelta::microseconds(offset);
        let count = runs.map(|runs| runs.to_string()).unwrap_or_default();
        let text = format!(
            "R{count}/{}/PT{}.{:06}S",
            start.format("%FT%T%.6fZ"), period / 1_000_000, period % 1_000_000
        );
        let recurrence = read(&text);
        let mut next_at = recurrence.first_at_or_after(start).map(|slot| slot.at);
        let (mut now, mut accounted) = (start, 0_u64);
        for gap in gaps {
            now += TimeDelta::microseconds(gap);
            let Some(from) = next_at else { break };
            if from > now {
                continue;
            }
            let decision = decision(&recurrence, &rules, (from, now));
            let mut fates: Vec<(DateTime<Utc>, DateTime<Utc>, u64)> = decision.settled.iter()
                .map(|range| (range.first_at, range.last_at, range.count.unsigned_abs()))
                .chain(decision.wanted.iter().map(|wanted| (wanted.slot_at, wanted.slot_at, 1)))
                .collect();
            fates.sort_unstable();
            // One after the other, without gap or double.
            let mut expected = Some(from);
            for (first, last, count) in fates {
                prop_assert_eq!(expected, Some(first));
                let just_after = last + TimeDelta::microseconds(1);
                prop_assert_eq!(recurrence.count_between(first, just_after).total(), count);
                expected = recurrence.first_after(last).map(|slot| slot.at);
                accounted += count;
            }
            prop_assert_eq!(expected, decision.next_at);
            prop_assert!(decision.next_at.is_none_or(|next| next > now));
            next_at = decision.next_at;
        }
        let end = now + TimeDelta::microseconds(1);
        prop_assert_eq!(accounted, recurrence.count_between(start, end).total());
    }
}
