//! The closed forms against an oracle that walks from instant to instant, and
//! extreme values that must not panic.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use recurrence::Recurrence;

/// Every instant of a small schedule, by adding the period again and again.
fn walk(start: DateTime<Utc>, period: TimeDelta, runs: u64) -> Vec<DateTime<Utc>> {
    let mut instants = Vec::new();
    let mut next = start;
    for _ in 0..runs {
        instants.push(next);
        next += period;
    }
    instants
}

fn text(runs: Option<u64>, start: DateTime<Utc>, period: TimeDelta) -> String {
    let runs = runs.map(|runs| runs.to_string()).unwrap_or_default();
    let start = start.format("%Y-%m-%dT%H:%M:%S%.9fZ");
    let nanos = period.subsec_nanos();
    format!("R{runs}/{start}/PT{}.{nanos:09}S", period.num_seconds())
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    // 1900 to 2200, so that the epoch lies inside.
    (-2_208_988_800_i64..7_258_118_400, 0_u32..1_000_000_000)
        .prop_filter_map("an instant", |(seconds, nanos)| {
            DateTime::from_timestamp(seconds, nanos)
        })
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

fn any_text() -> impl Strategy<Value = String> {
    let runs = prop_oneof![
        Just(String::new()),
        (1_u64..).prop_map(|runs| runs.to_string())
    ];
    let year = prop_oneof![Just(0_u32), Just(9999), 0_u32..10_000];
    let number = prop_oneof![Just(u64::MAX), 1_u64.., 1_u64..100];
    (runs, year, number, "[HMS]").prop_map(|(runs, year, number, unit)| {
        format!("R{runs}/{year:04}-01-01T00:00:00-23:59/PT{number}{unit}")
    })
}

proptest! {
    #[test]
    fn equals_the_walk(
        start in instant(),
        period in (1_000_i64..20_000_000_000).prop_map(TimeDelta::nanoseconds),
        runs in 1_u64..40,
        endless: bool,
        a in -50_i64..50,
        b in -50_i64..50,
        nudge in -1_i64..=1,
    ) {
        let length = if endless { None } else { Some(runs) };
        let schedule = Recurrence::parse(&text(length, start, period)).unwrap();
        // An endless one is walked further than any question below reaches.
        let instants = walk(start, period, if endless { 60 } else { runs });
        let nudge = TimeDelta::nanoseconds(nudge);
        let [a, b] = [a, b].map(|k| start + period * i32::try_from(k).unwrap() + nudge);

        for (k, instant) in (0..).zip(&instants) {
            prop_assert_eq!(schedule.kth(k), Some(*instant));
        }
        if !endless {
            prop_assert_eq!(schedule.kth(runs), None);
        }
        let first = instants.iter().copied().find(|instant| *instant >= a);
        prop_assert_eq!(schedule.first_at_or_after(a), first);
        let after = instants.iter().copied().find(|instant| *instant > a);
        prop_assert_eq!(schedule.first_after(a), after);
        let last = instants.iter().copied().rfind(|instant| *instant <= a);
        prop_assert_eq!(schedule.last_at_or_before(a), last);
        let between = instants.iter().filter(|instant| a <= **instant && **instant < b).count();
        prop_assert_eq!(schedule.count_between(a, b), between as u64);
    }

    #[test]
    fn extremes_do_not_panic(text in any_text(), a in any_instant(), b in any_instant(), k: u64) {
        let schedule = Recurrence::parse(&text).unwrap();
        prop_assert!(schedule.first_after(a).is_none_or(|after| after > a));
        let (first, last) = (schedule.first_at_or_after(a), schedule.last_at_or_before(a));
        prop_assert!(first.is_none_or(|first| first >= a));
        prop_assert!(last.is_none_or(|last| last <= a));
        let _ = schedule.kth(k);
        let whole = schedule.count_between(DateTime::<Utc>::MIN_UTC, a);
        let part = schedule.count_between(b, a);
        prop_assert!(part <= whole);
    }

    #[test]
    fn any_text_is_answered(text in ".*") {
        if let Err(error) = Recurrence::parse(&text) {
            prop_assert!(error.offset() <= text.len());
        }
    }

    #[test]
    fn a_damaged_text_is_answered(at in 0_usize..32, byte in " -~") {
        let mut text = "R1/2015-12-31T16:00:23.446Z/PT1H".to_owned();
        text.replace_range(at..=at, &byte);
        if let Err(error) = Recurrence::parse(&text) {
            prop_assert!(error.offset() <= text.len());
        }
    }
}
