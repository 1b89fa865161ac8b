//! The default policies, row by row, and the rule they keep together: every
//! planned instant is accounted for exactly once.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use recurrence::Recurrence;
use scheduler_svc::firing::{Firing, Latest, Missed, Release, fire};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-06-01T{text}Z")
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn read(text: &str) -> Recurrence {
    Recurrence::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

struct Case {
    what: &'static str,
    runs: &'static str,
    now: &'static str,
    open: bool,
    missed: Option<(&'static str, &'static str, i64)>,
    latest: Option<(&'static str, Release)>,
    next_at: Option<&'static str>,
}

const FIRE: Release = Release::Fire;

/// All of `<runs>/2026-06-01T12:00:00Z/PT1M` with 12:00:00 as the first instant
/// that nothing became of.
#[rustfmt::skip]
const CASES: [Case; 9] = [
    Case { what: "on time", runs: "R", now: "12:00:00", open: false,
        missed: None, latest: Some(("12:00:00", FIRE)), next_at: Some("12:01:00") },
    Case { what: "late within one period", runs: "R", now: "12:00:59.999999", open: false,
        missed: None, latest: Some(("12:00:00", FIRE)), next_at: Some("12:01:00") },
    Case { what: "an earlier exec is open", runs: "R", now: "12:00:00", open: true,
        missed: None, latest: Some(("12:00:00", Release::Overlap)), next_at: Some("12:01:00") },
    Case { what: "away for five periods", runs: "R", now: "12:05:30", open: false,
        missed: Some(("12:00:00", "12:04:00", 5)), latest: Some(("12:05:00", FIRE)), next_at: Some("12:06:00") },
    Case { what: "away and an exec open", runs: "R", now: "12:05:30", open: true,
        missed: Some(("12:00:00", "12:04:00", 5)), latest: Some(("12:05:00", Release::Overlap)), next_at: Some("12:06:00") },
    Case { what: "the last run", runs: "R1", now: "12:00:00", open: false,
        missed: None, latest: Some(("12:00:00", FIRE)), next_at: None },
    Case { what: "a skipped slot uses a run", runs: "R1", now: "12:00:00", open: true,
        missed: None, latest: Some(("12:00:00", Release::Overlap)), next_at: None },
    Case { what: "the last run one period ago", runs: "R3", now: "12:03:00", open: false,
        missed: Some(("12:00:00", "12:02:00", 3)), latest: None, next_at: None },
    Case { what: "the last run just within a period", runs: "R3", now: "12:02:59", open: false,
        missed: Some(("12:00:00", "12:01:00", 2)), latest: Some(("12:02:00", FIRE)), next_at: None },
];

#[test]
fn policies() {
    for case in CASES {
        let recurrence = read(&format!("{}/2026-06-01T12:00:00Z/PT1M", case.runs));
        let expected = Firing {
            missed: case.missed.map(|(first, last, count)| Missed {
                first_at: at(first),
                last_at: at(last),
                count,
            }),
            latest: case.latest.map(|(instant, release)| Latest {
                at: at(instant),
                release,
            }),
            next_at: case.next_at.map(at),
        };
        let firing = fire(&recurrence, at("12:00:00"), at(case.now), case.open);
        assert_eq!(firing, Some(expected), "{}", case.what);
    }
}

#[test]
fn nothing_before_its_time() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1M");
    let early = at("11:59:59.999999999");
    assert_eq!(fire(&recurrence, at("12:00:00"), early, false), None);
}

#[test]
fn an_instant_between_microseconds_fires_as_it_is_stored() {
    let recurrence = read("R1/2026-06-01T12:00:00.0000005Z/PT1M");
    let firing = fire(&recurrence, at("12:00:00"), at("12:00:00"), false);
    let latest = Latest {
        at: at("12:00:00"),
        release: FIRE,
    };
    assert_eq!(
        firing,
        Some(Firing {
            missed: None,
            latest: Some(latest),
            next_at: None
        })
    );
}

#[test]
fn a_next_instant_of_another_timetable_is_moved_on() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1M");
    let firing = fire(&recurrence, at("12:00:10"), at("12:00:20"), false);
    let expected = Firing {
        missed: None,
        latest: None,
        next_at: Some(at("12:01:00")),
    };
    assert_eq!(firing, Some(expected));
}

#[test]
fn a_year_of_seconds_is_one_step() {
    let recurrence = read("R/2026-06-01T12:00:00Z/PT1S");
    let year = TimeDelta::days(365);
    let firing = fire(&recurrence, at("12:00:00"), at("12:00:00") + year, false).unwrap();
    assert_eq!(firing.missed.map(|missed| missed.count), Some(365 * 86_400));
    assert_eq!(
        firing.latest.map(|latest| latest.at),
        Some(at("12:00:00") + year)
    );
}

proptest! {
    #[test]
    fn every_instant_is_accounted_for_once(
        offset in 0_i64..2_000_000_000,
        period in 1_000_i64..5_000_000_000,
        runs in prop::option::of(1_u64..100),
        gaps in prop::collection::vec((0_i64..60_000_000_000, any::<bool>()), 1..30),
    ) {
        let start = at("12:00:00") + TimeDelta::nanoseconds(offset);
        let count = runs.map(|runs| runs.to_string()).unwrap_or_default();
        let text = format!(
            "R{count}/{}/PT{}.{:09}S",
            start.format("%FT%T%.9fZ"), period / 1_000_000_000, period % 1_000_000_000
        );
        let recurrence = read(&text);
        let mut next_at = recurrence.first_at_or_after(start).map(scheduler_svc::firing::to_stored);
        let (mut now, mut accounted) = (start, 0_u64);
        for (gap, open) in gaps {
            now += TimeDelta::nanoseconds(gap);
            let Some(expected) = next_at else { break };
            let Some(firing) = fire(&recurrence, expected, now, open) else { continue };
            let first = firing.missed.map(|missed| missed.first_at)
                .or(firing.latest.map(|latest| latest.at));
            prop_assert_eq!(first, Some(expected));
            accounted += firing.missed.map_or(0, |missed| missed.count.unsigned_abs());
            accounted += u64::from(firing.latest.is_some());
            prop_assert!(firing.next_at.is_none_or(|next| next > now));
            next_at = firing.next_at;
        }
        // Up to the end of the last look's microsecond.
        let end = scheduler_svc::firing::to_stored(now) + TimeDelta::microseconds(1);
        prop_assert_eq!(accounted, recurrence.count_between(start, end));
    }
}
