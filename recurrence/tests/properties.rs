//! Questions that answer one another, asked of random schedules in random zones,
//! and a second opinion on cron.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::sync::LazyLock;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use croner::parser::{CronParser, Seconds};
use proptest::prelude::*;
use proptest::sample::select;
use recurrence::{Exclusions, Expression, Fate, GapRule, Recurrence, RepeatRule, Rules, Zone};

static ZONES: LazyLock<Vec<String>> = LazyLock::new(Zone::names);

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    // 1950 to 2150.
    (-631_152_000_000_000_i64..5_680_281_600_000_000)
        .prop_filter_map("an instant", DateTime::from_timestamp_micros)
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    let (min, max) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    prop_oneof![
        Just(min),
        Just(max),
        // No leap seconds: chrono counts one as the second after it and yet orders
        // it before, and neither clocks nor Postgres give any.
        (min.timestamp()..=max.timestamp(), 0_u32..1_000_000_000)
            .prop_filter_map("is out of range", |(seconds, nanos)| {
                DateTime::from_timestamp(seconds, nanos)
            }),
    ]
}

fn field(last: u32, first: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (first..=last).prop_map(|n| n.to_string()),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (2_u32..20).prop_map(|step| format!("*/{step}")),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

fn cron() -> impl Strategy<Value = String> {
    let day = prop_oneof![3 => field(28, 1), 1 => select(vec!["L", "15W", "L-2", "LW"]).prop_map(str::to_owned)];
    let week = prop_oneof![3 => field(6, 0), 1 => select(vec!["FRIL", "MON#2", "1#5"]).prop_map(str::to_owned)];
    (
        prop::option::of(field(59, 0)),
        field(59, 0),
        field(23, 0),
        day,
        field(12, 1),
        week,
    )
        .prop_map(|(second, minute, hour, day, month, week)| {
            let second = second.map(|second| second + " ").unwrap_or_default();
            format!("{second}{minute} {hour} {day} {month} {week}")
        })
}

fn interval() -> impl Strategy<Value = String> {
    let period = prop_oneof![
        (1_u32..90_000).prop_map(|seconds| format!("PT{seconds}S")),
        (1_u32..4000).prop_map(|micros| format!("PT0.{micros:06}S")),
        (1_u32..40).prop_map(|days| format!("P{days}D")),
        (1_u32..30, 0_u32..50_000).prop_map(|(months, seconds)| format!("P{months}MT{seconds}S")),
        (0_u32..40).prop_map(|hours| format!("P0DT{}H", hours + 1)),
        Just("P1Y".to_owned()),
    ];
    let runs = prop_oneof![
        Just(String::new()),
        (1_u64..500).prop_map(|runs| runs.to_string())
    ];
    let start = instant().prop_map(|start| start.format("%FT%T%.6f").to_string());
    (runs, start, period, any::<bool>()).prop_map(|(runs, start, period, by_end)| {
        if by_end && !runs.is_empty() {
            format!("R{runs}/{period}/{start}")
        } else {
            format!("R{runs}/{start}/{period}")
        }
    })
}

fn text() -> impl Strategy<Value = String> {
    let joined = prop::collection::vec(cron(), 1..4).prop_map(|all| all.join(";"));
    prop_oneof![joined, interval()]
}

fn rules() -> impl Strategy<Value = Rules> {
    let items = vec![
        "2026-07-04",
        "1990-01-01/1990-06-30",
        "--12-24/--01-02",
        "--02-29",
        "* * SAT,SUN",
        "1-7 * ?",
        "* 11 THU#4",
        "L * *",
    ];
    let exclusions = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(select(items), 1..4),
    ];
    let gap = prop::option::of(select(vec![GapRule::Skip, GapRule::FirstValid]));
    let repeat = vec![RepeatRule::First, RepeatRule::Second, RepeatRule::Both];
    (
        select(ZONES.clone()),
        gap,
        prop::option::of(select(repeat)),
        exclusions,
    )
        .prop_map(|(zone, gap, repeat, exclusions)| Rules {
            zone: Zone::named(&zone).unwrap(),
            gap,
            repeat,
            exclusions: Exclusions::parse(&exclusions).unwrap(),
            anchor: DateTime::UNIX_EPOCH,
        })
}

fn schedule() -> impl Strategy<Value = Recurrence> {
    (text(), rules()).prop_filter_map("it never runs", |(text, rules)| {
        let expression = Expression::parse(&text).ok()?;
        Recurrence::new(&expression, &rules).ok()
    })
}

const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn answers_agree(schedule in schedule(), from in instant(), length in 0_i64..40_000_000_000_000) {
        let until = from + TimeDelta::microseconds(length);
        let first = schedule.first_at_or_after(from);
        let slots: Vec<_> = std::iter::successors(first, |slot| schedule.first_after(slot.at))
            .take_while(|slot| slot.at < until)
            .take(60)
            .collect();
        prop_assert!(slots.is_sorted_by(|a, b| a.at < b.at));
        let end = slots.last().map_or(from, |last| last.at + MICROSECOND);
        let counts = schedule.count_between(from, end);
        for (fate, count) in [
            (Fate::Planned, counts.planned),
            (Fate::Excluded, counts.excluded),
            (Fate::DstGap, counts.dst_gap),
        ] {
            prop_assert_eq!(slots.iter().filter(|slot| slot.fate == fate).count() as u64, count);
        }
        for (n, slot) in (0..).zip(&slots) {
            prop_assert_eq!(schedule.nth_from(from, n), Some(*slot));
            prop_assert_eq!(schedule.first_at_or_after(slot.at), Some(*slot));
            prop_assert_eq!(schedule.last_at_or_before(slot.at), Some(*slot));
            prop_assert_eq!(schedule.last_before(slot.at + MICROSECOND), Some(*slot));
        }
        for pair in slots.windows(2) {
            prop_assert_eq!(schedule.last_before(pair[1].at), Some(pair[0]));
        }
        let planned: Vec<_> = slots.iter().filter(|slot| slot.fate == Fate::Planned).map(|slot| slot.at).collect();
        if let Some(next) = planned.first() {
            prop_assert_eq!(schedule.next_planned(from), Some(*next));
        }
        for (n, at) in (0..).zip(planned.iter().rev()) {
            prop_assert_eq!(schedule.nth_planned_before(end, n), Some(*at));
        }
    }

    #[test]
    fn counts_add_up(schedule in schedule(), mut three in [instant(), instant(), instant()]) {
        three.sort_unstable();
        let [a, b, c] = three;
        let (whole, first, second) =
            (schedule.count_between(a, c), schedule.count_between(a, b), schedule.count_between(b, c));
        prop_assert_eq!(whole.planned, first.planned + second.planned);
        prop_assert_eq!(whole.excluded, first.excluded + second.excluded);
        prop_assert_eq!(whole.dst_gap, first.dst_gap + second.dst_gap);
        let total = first.total();
        if total > 0 {
            let last = schedule.nth_from(a, total - 1).unwrap();
            prop_assert!(a <= last.at && last.at < b);
            prop_assert_eq!(schedule.last_before(b), Some(last));
        }
        prop_assert_eq!(schedule.nth_from(a, total), schedule.first_at_or_after(b));
    }

    #[test]
    fn runs_are_as_many_as_they_say(text in interval(), rules in rules()) {
        let schedule = Recurrence::new(&Expression::parse(&text).unwrap(), &rules);
        if let Ok(schedule) = schedule && let Some(runs) = schedule.runs() {
            let all = schedule.count_between(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
            prop_assert_eq!(all.total(), runs);
            prop_assert!(schedule.kth(runs - 1).is_some() && schedule.kth(runs).is_none());
            let last = schedule.kth(runs - 1).unwrap();
            prop_assert!(schedule.endless().first_after(last.at).unwrap().at > last.at);
        }
    }

    #[test]
    fn extremes_do_not_panic(schedule in schedule(), a in any_instant(), b in any_instant(), k: u64) {
        prop_assert!(schedule.first_after(a).is_none_or(|after| after.at > a));
        prop_assert!(schedule.first_at_or_after(a).is_none_or(|first| first.at >= a));
        prop_assert!(schedule.last_at_or_before(a).is_none_or(|last| last.at <= a));
        prop_assert!(schedule.last_before(a).is_none_or(|last| last.at < a));
        let _ = (schedule.kth(k), schedule.nth_from(b, k), schedule.local(a), schedule.clock_change(b));
    }

    #[test]
    fn any_text_is_answered(text in ".*") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.offset() <= text.len());
        }
        let _ = Exclusions::parse(&[text]);
    }

    #[test]
    fn a_damaged_text_is_answered(text in text(), at in 0_usize..32, byte in " -~") {
        let mut text = text;
        let at = at % text.len();
        text.replace_range(at..=at, &byte);
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.offset() <= text.len());
        }
    }

    #[test]
    fn croner_agrees(text in cron(), from in instant()) {
        // It takes a fraction of a second along.
        let from = from.trunc_subsecs(0);
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let (Ok(expression), Ok(peer)) = (Expression::parse(&text), parser.parse(&text)) else {
            return Ok(());
        };
        let ours = Recurrence::new(&expression, &Rules::default()).unwrap();
        let mut at = from;
        for _ in 0..20 {
            // It gives up where the next one is years away.
            let Ok(expected) = peer.find_next_occurrence(&at, false) else { break };
            let found = ours.first_after(at).unwrap().at;
            prop_assert_eq!(found, expected, "{} after {}", text, at);
            at = found;
        }
    }
}
