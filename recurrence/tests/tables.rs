//! What schedules come to, line by line.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

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

const BERLIN: &str = "Europe/Berlin";

/// Text, zone, from, slots by the default rules.
#[rustfmt::skip]
const CLOCK_CHANGES: [(&str, &str, &str, &[&str]); 12] = [
    // Half past two does not exist on 29 March 2026.
    ("30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("15,45 2 * * *", BERLIN, "2026-03-28T12:00:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"]),
    ("0 2,3 * * *", BERLIN, "2026-03-29T00:00:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
    ("R/2026-01-01T02:30:00/P1D", BERLIN, "2026-03-28T12:00:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    // It comes twice on 25 October.
    ("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    // Every hour ticks on.
    ("30 * * * *", BERLIN, "2026-10-24T23:45:00Z", &["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"]),
    ("*/30 * * * *", BERLIN, "2026-03-29T00:30:00Z", &["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]),
    ("R/2026-10-25T00:30:00Z/PT30M", BERLIN, "2026-10-25T00:30:00Z", &["2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00"]),
    // Half an hour on Lord Howe Island, a whole day on Samoa.
    ("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", &["2026-10-04T02:30:00+11:00", "2026-10-05T02:10:00+11:00"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", &["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
    ("15 5 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", &["2026-01-02T05:15:00+05:45"]),
];

#[test]
fn clock_changes() {
    for (text, zone, from, expected) in CLOCK_CHANGES {
        assert_eq!(
            slots(&in_zone(text, zone), from, expected.len()),
            expected,
            "{text} {zone}"
        );
    }
}

#[test]
fn a_time_that_comes_twice_is_not_overlooked_by_what_comes_seldom() {
    let both = with("R/2024-01-25T23:01:00/P8D", "America/Santiago", |rules| {
        rules.repeat = Some(RepeatRule::Both);
    });
    let expected = [
        "2024-04-06T23:01:00-03:00",
        "2024-04-06T23:01:00-04:00",
        "2024-04-14T23:01:00-04:00",
    ];
    assert_eq!(slots(&both, "2024-04-01T00:00:00Z", 3), expected);
    let twice = at("2024-04-07T03:01:00Z");
    assert_eq!(both.last_at_or_before(twice).unwrap().at, twice);
    assert_eq!(
        both.last_before(twice).unwrap().at,
        at("2024-04-07T02:01:00Z")
    );
    assert_eq!(both.kth(10).unwrap().at, twice);
}

#[test]
fn rules_for_clock_changes() {
    let berlin = "Europe/Berlin";
    let skip = with("30 2 * * *", berlin, |rules| {
        rules.gap = Some(GapRule::Skip);
    });
    assert_eq!(
        slots(&skip, "2026-03-28T12:00:00Z", 2),
        ["?2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    let day = [at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z")];
    assert_eq!(skip.count_between(day[0], day[1]).dst_gap, 1);
    let hourly = in_zone("30 * * * *", berlin);
    assert_eq!(hourly.count_between(day[0], day[1]).planned, 23);
    for (repeat, expected) in [
        (
            RepeatRule::First,
            &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"][..],
        ),
        (
            RepeatRule::Second,
            &["2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"],
        ),
        (
            RepeatRule::Both,
            &["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"],
        ),
    ] {
        let recurrence = with("30 2 * * *", berlin, |rules| rules.repeat = Some(repeat));
        assert_eq!(slots(&recurrence, "2026-10-24T12:00:00Z", 2), expected);
    }
}

#[test]
fn clock_changes_are_told() {
    let daily = in_zone("30 2 * * *", "Europe/Berlin");
    let told = |recurrence: &Recurrence, text: &str| {
        recurrence
            .clock_change(at(text))
            .map(|change| change.to_string())
    };
    let jump = "02:30:00 does not exist on this day; the clock goes forward to 03:00:00";
    assert_eq!(told(&daily, "2026-03-29T01:00:00Z").as_deref(), Some(jump));
    assert!(
        told(&daily, "2026-10-25T00:30:00Z")
            .unwrap()
            .ends_with("this is the first")
    );
    assert_eq!(told(&daily, "2026-03-30T00:30:00Z"), None);
    assert_eq!(told(&daily, "2026-03-30T00:31:00Z"), None, "not a slot");
    let both = in_zone("30 * * * *", "Europe/Berlin");
    assert!(
        told(&both, "2026-10-25T01:30:00Z")
            .unwrap()
            .ends_with("this is the second")
    );
    let skip = with("30 2 * * *", "Europe/Berlin", |rules| {
        rules.gap = Some(GapRule::Skip);
    });
    assert!(
        told(&skip, "2026-03-29T01:00:00Z")
            .unwrap()
            .contains("nothing runs")
    );
    let elapsed = in_zone("R/2026-03-29T01:00:00Z/PT1H", "Europe/Berlin");
    assert_eq!(told(&elapsed, "2026-03-29T01:00:00Z"), None);
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

#[test]
fn starts_that_clock_changes_touch() {
    let first = |text: &str| in_zone(text, BERLIN).kth(0).map(|slot| slot.at);
    // One in a gap, and one that comes twice.
    let gap = first("R/2026-03-29T02:30:00/PT1H");
    assert_eq!(gap, Some(at("2026-03-29T01:00:00Z")));
    let twice = first("R/2026-10-25T02:30:00/PT1H");
    assert_eq!(twice, Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn exclusions() {
    let recurrence = with("0 9 * * *", "America/New_York", |rules| {
        rules.exclusions = Exclusions::parse(&[
            "2026-12-31",
            "--12-24/--12-26",
            "* * SAT,SUN",
            "2026-12-28/2026-12-29",
        ])
        .unwrap();
    });
    assert_eq!(
        slots(&recurrence, "2026-12-23T00:00:00Z", 11),
        [
            "2026-12-23T09:00:00-05:00",
            "-2026-12-24T09:00:00-05:00",
            "-2026-12-25T09:00:00-05:00",
            "-2026-12-26T09:00:00-05:00",
            "-2026-12-27T09:00:00-05:00",
            "-2026-12-28T09:00:00-05:00",
            "-2026-12-29T09:00:00-05:00",
            "2026-12-30T09:00:00-05:00",
            "-2026-12-31T09:00:00-05:00",
            "2027-01-01T09:00:00-05:00",
            "-2027-01-02T09:00:00-05:00",
        ]
    );
    let next = recurrence.next_planned(at("2026-12-23T15:00:00Z"));
    assert_eq!(next, Some(at("2026-12-30T14:00:00Z")));
    let newest = |n| recurrence.nth_planned_before(at("2026-12-30T14:00:00Z"), n);
    assert_eq!(newest(0), Some(at("2026-12-23T14:00:00Z")));
    assert_eq!(newest(1), Some(at("2026-12-22T14:00:00Z")));
    // Elapsed time knows the date of its zone too.
    let elapsed = with("R/2026-01-01T00:00:00Z/PT1H", "America/New_York", |rules| {
        rules.exclusions = Exclusions::parse(&["2026-07-04"]).unwrap();
    });
    let counts = elapsed.count_between(at("2026-07-04T00:00:00Z"), at("2026-07-06T00:00:00Z"));
    assert_eq!((counts.excluded, counts.planned), (24, 24));
    assert_eq!(
        elapsed.next_planned(at("2026-07-04T12:00:00Z")),
        Some(at("2026-07-05T04:00:00Z"))
    );
}

#[test]
fn a_schedule_may_never_run() {
    let rules = Rules {
        exclusions: Exclusions::parse(&["* * SAT"]).unwrap(),
        ..Rules::default()
    };
    let saturdays = Expression::parse("0 0 * * 6").unwrap();
    let saturdays = Recurrence::new(&saturdays, &rules).unwrap();
    assert!(saturdays.is_all_excluded());
    let year = ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"].map(at);
    let counts = saturdays.count_between(year[0], year[1]);
    assert_eq!((counts.planned, counts.excluded), (0, 52));
    let past = Expression::parse("R1/1999-01-01T00:00:00Z/PT1H").unwrap();
    let past = Recurrence::new(&past, &rules).unwrap();
    assert!(!past.is_all_excluded());
    assert_eq!(past.next_planned(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn runs_are_counted_with_those_that_do_not_run() {
    let recurrence = with("R4/2026-01-02T00:00:00/P1D", "UTC", |rules| {
        rules.exclusions = Exclusions::parse(&["* * SAT,SUN"]).unwrap();
    });
    assert_eq!(slots(&recurrence, "2026-01-01T00:00:00Z", 9).len(), 4);
    let end = recurrence.kth(3).unwrap().at;
    assert_eq!((end, recurrence.kth(4)), (at("2026-01-05T00:00:00Z"), None));
    let next = recurrence.endless().first_after(end).unwrap().at;
    assert_eq!(next, at("2026-01-06T00:00:00Z"));
    // A gap does not lengthen a schedule.
    let march = in_zone("R3/2026-03-28T02:30:00/P1D", "Europe/Berlin");
    assert_eq!(
        slots(&march, "2026-01-01T00:00:00Z", 9).last().unwrap(),
        "2026-03-30T02:30:00+02:00"
    );
}
