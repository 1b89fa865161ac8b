//! What schedules come to, line by line.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod clock_changes;
mod exclusions;

use chrono::{DateTime, Utc};
use recurrence::{Exclusions, Expression, Fate, GapRule, Recurrence, RepeatRule, Rules, Zone};

fn at(text: &str) -> DateTime<Utc> {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn in_zone(text: &str, zone: &str) -> Recurrence {
    with(text, zone, |_| {})
}

fn with(text: &str, zone: &str, change: impl FnOnce(&mut Rules)) -> Recurrence {
    let mut rules = Rules {
        zone: Zone::named(zone).unwrap(),
        anchor: at("2026-01-15T10:30:00Z"),
        ..Rules::default()
    };
    change(&mut rules);
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Recurrence::new(&expression, &rules).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The slots from an instant on, on the wall clock; `-` is excluded, `?` in a gap.
fn slots(recurrence: &Recurrence, from: &str, count: usize) -> Vec<String> {
    let first = recurrence.first_at_or_after(at(from));
    std::iter::successors(first, |slot| recurrence.first_after(slot.at))
        .take(count)
        .map(|slot| {
            let mark = match slot.fate {
                Fate::Planned => "",
                Fate::Excluded => "-",
                Fate::DstGap => "?",
            };
            let local = recurrence.local(slot.at).format("%Y-%m-%dT%H:%M:%S%.f%:z");
            format!("{mark}{local}").replace(":00+00:00", "Z")
        })
        .collect()
}

const ANY: &str = "0001-02-01T00:00:00Z";

#[rustfmt::skip]
const INTERVALS: [(&str, &str, &[&str]); 24] = [
    ("R2/2020-02-28/P1D", ANY, &["2020-02-28T00:00Z", "2020-02-29T00:00Z"]),
    ("R2/20200228/2020-03-01", ANY, &["2020-02-28T00:00Z", "2020-03-01T00:00Z"]),
    ("R2/2020-02-28T24:00:00Z/PT1H", ANY, &["2020-02-29T00:00Z", "2020-02-29T01:00Z"]),
    ("R2/20191231T2400Z/P1M", ANY, &["2020-01-01T00:00Z", "2020-02-01T00:00Z"]),
    ("R3/2015-12-31T16:00:00Z/PT1H", ANY, &["2015-12-31T16:00Z", "2015-12-31T17:00Z", "2015-12-31T18:00Z"]),
    ("R/2015-12-31T16:00:00.25Z/PT0.5S", "2020-01-01T00:00:00.1Z", &["2020-01-01T00:00:00.250+00:00", "2020-01-01T00:00:00.750+00:00"]),
    ("R2/20151231T160000Z/P1D", ANY, &["2015-12-31T16:00Z", "2016-01-01T16:00Z"]),
    ("R2/2015-12-31T16:00+08:00/PT30M", ANY, &["2015-12-31T08:00Z", "2015-12-31T08:30Z"]),
    // Months and years from the start, no drift.
    ("R/2026-01-31T09:00:00/P1M", ANY, &["2026-01-31T09:00Z", "2026-02-28T09:00Z", "2026-03-31T09:00Z", "2026-04-30T09:00Z"]),
    ("R/2024-02-29T09:00:00/P1Y", ANY, &["2024-02-29T09:00Z", "2025-02-28T09:00Z", "2026-02-28T09:00Z", "2027-02-28T09:00Z", "2028-02-29T09:00Z"]),
    ("R/2026-01-31T00:00:00/P1M1D", ANY, &["2026-01-31T00:00Z", "2026-03-01T00:00Z", "2026-04-02T00:00Z"]),
    ("R/2026-01-01T00:00:00/P2W", ANY, &["2026-01-01T00:00Z", "2026-01-15T00:00Z"]),
    ("R/2026-01-01T00:00:00/P1DT12H", ANY, &["2026-01-01T00:00Z", "2026-01-02T12:00Z"]),
    ("R/2026-01-01T00:00:00/P0.5D", ANY, &["2026-01-01T00:00Z", "2026-01-01T12:00Z"]),
    ("R/2026-01-01T00:00:00/PT1H30M", "2026-01-01T00:00:00.000001Z", &["2026-01-01T01:30Z", "2026-01-01T03:00Z"]),
    ("R/2026-01-01T00:00:00/PT1.5H", ANY, &["2026-01-01T00:00Z", "2026-01-01T01:30Z"]),
    // The anchor is the start.
    ("R2//P1D", ANY, &["2026-01-15T10:30Z", "2026-01-16T10:30Z"]),
    ("R2//PT1H", ANY, &["2026-01-15T10:30Z", "2026-01-15T11:30Z"]),
    // Start and end, period and end.
    ("R3/2026-01-01T00:00Z/2026-01-01T06:00Z", ANY, &["2026-01-01T00:00Z", "2026-01-01T06:00Z", "2026-01-01T12:00Z"]),
    ("R3/PT6H/2026-01-01T18:00Z", ANY, &["2026-01-01T00:00Z", "2026-01-01T06:00Z", "2026-01-01T12:00Z"]),
    ("R3/P1M/2026-05-31T00:00:00", ANY, &["2026-02-28T00:00Z", "2026-03-31T00:00Z", "2026-04-30T00:00Z"]),
    ("R1/1999-01-01T00:00:00Z/P9999Y", ANY, &["1999-01-01T00:00Z"]),
    ("R/9998-12-31T00:00:00Z/P1Y", ANY, &["9998-12-31T00:00Z"]),
    ("R/0001-01-01T00:00:00Z/P1Y", ANY, &["0002-01-01T00:00Z", "0003-01-01T00:00Z"]),
];

#[test]
fn intervals() {
    for (text, from, expected) in INTERVALS {
        let recurrence = in_zone(text, "UTC");
        let found = slots(
            &recurrence,
            from,
            expected.len() + usize::from(recurrence.runs().is_some()),
        );
        assert_eq!(found, expected, "{text}");
    }
}

#[rustfmt::skip]
const CRONS: [(&str, &str, &[&str]); 22] = [
    ("*/15 9 * * *", "2026-01-01T09:16:00Z", &["2026-01-01T09:30Z", "2026-01-01T09:45Z", "2026-01-02T09:00Z"]),
    ("10/20 * * * * *", "2026-01-01T00:00:00Z", &["2026-01-01T00:00:10+00:00", "2026-01-01T00:00:30+00:00", "2026-01-01T00:00:50+00:00"]),
    ("0 0 * jan,Mar mon-WED", "2026-01-20T00:00:00Z", &["2026-01-20T00:00Z", "2026-01-21T00:00Z", "2026-01-26T00:00Z"]),
    ("0 0 29 2 *", "2026-01-01T00:00:00Z", &["2028-02-29T00:00Z", "2032-02-29T00:00Z"]),
    ("0 0 29 2 MON#5", "2041-01-01T00:00:00Z", &["2044-02-29T00:00Z", "2048-02-29T00:00Z"]),
    ("0 0 ? 2 MON#5", "2026-01-01T00:00:00Z", &["2044-02-29T00:00Z", "2072-02-29T00:00Z"]),
    ("0 0 L * *", "2026-01-31T00:00:01Z", &["2026-02-28T00:00Z", "2026-03-31T00:00Z"]),
    ("0 0 L-2 2 *", "2026-01-01T00:00:00Z", &["2026-02-26T00:00Z", "2027-02-26T00:00Z", "2028-02-27T00:00Z"]),
    ("0 0 LW * *", "2026-01-01T00:00:00Z", &["2026-01-30T00:00Z", "2026-02-27T00:00Z", "2026-03-31T00:00Z"]),
    ("0 0 15W * *", "2026-02-01T00:00:00Z", &["2026-02-16T00:00Z", "2026-03-16T00:00Z", "2026-04-15T00:00Z"]),
    ("0 0 1W 8 *", "2026-01-01T00:00:00Z", &["2026-08-03T00:00Z"]),
    ("0 0 31W * ?", "2026-05-01T00:00:00Z", &["2026-05-29T00:00Z", "2026-07-31T00:00Z"]),
    ("0 0 * * FRIL", "2026-01-01T00:00:00Z", &["2026-01-30T00:00Z", "2026-02-27T00:00Z"]),
    ("0 0 * * 5#2,MON#1", "2026-01-01T00:00:00Z", &["2026-01-05T00:00Z", "2026-01-09T00:00Z", "2026-02-02T00:00Z"]),
    ("0 0 13 * FRI", "2026-01-01T00:00:00Z", &["2026-01-02T00:00Z", "2026-01-09T00:00Z", "2026-01-13T00:00Z"]),
    ("0 0 * * 0-0", "2026-01-01T00:00:00Z", &["2026-01-04T00:00Z", "2026-01-11T00:00Z"]),
    ("0 0 * * 1/3", "2026-01-01T00:00:00Z", &["2026-01-01T00:00Z", "2026-01-05T00:00Z", "2026-01-08T00:00Z"]),
    ("0 0 * * 7", "2026-01-01T00:00:00Z", &["2026-01-04T00:00Z"]),
    ("0 0 * * FRI-SUN", "2026-01-01T00:00:00Z", &["2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z", "2026-01-09T00:00Z"]),
    ("@weekly", "2026-01-01T00:00:00Z", &["2026-01-04T00:00Z"]),
    (" @Yearly ", "2026-01-01T00:00:01Z", &["2027-01-01T00:00Z"]),
    ("0 9 * * *; 0 9,12 1 * *;30 8 * * MON", "2026-06-01T00:00:00Z", &["2026-06-01T08:30Z", "2026-06-01T09:00Z", "2026-06-01T12:00Z", "2026-06-02T09:00Z"]),
];

#[test]
fn crons() {
    for (text, from, expected) in CRONS {
        assert_eq!(
            slots(&in_zone(text, "UTC"), from, expected.len()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn starts_and_offsets() {
    let berlin = |text: &str| {
        let rules = Rules {
            zone: Zone::named("Europe/Berlin").unwrap(),
            ..Rules::default()
        };
        Recurrence::new(&Expression::parse(text).unwrap(), &rules)
    };
    for start in [
        "2026-07-01T10:00:00",
        "2026-07-01T10:00:00+02:00",
        "2026-07-01T08:00:00Z",
    ] {
        let recurrence = berlin(&format!("R/{start}/P1M")).unwrap();
        assert_eq!(
            slots(&recurrence, "2026-12-15T00:00:00Z", 1),
            ["2027-01-01T10:00:00+01:00"]
        );
        let elapsed = berlin(&format!("R1/{start}/PT1H")).unwrap();
        assert_eq!(elapsed.kth(0).unwrap().at, at("2026-07-01T08:00:00Z"));
    }
    let error = berlin("R/2026-07-01T10:00:00+01:00/P1M")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("+01:00") && error.contains("Europe/Berlin has +02:00"),
        "{error}"
    );
    assert!(error.starts_with("at byte 21"), "{error}");
    assert!(
        berlin("R/2026-07-01T10:00:00+01:00/PT1H").is_ok(),
        "elapsed time"
    );
    let error = berlin("R/2026-07-01T10:00Z/2026-07-01T10:00Z")
        .unwrap_err()
        .to_string();
    assert!(error.contains("not after the start"));
}
