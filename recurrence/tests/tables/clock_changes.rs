//! Instants that a clock change touches.

use super::*;

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
fn starts_that_clock_changes_touch() {
    let first = |text: &str| in_zone(text, BERLIN).kth(0).map(|slot| slot.at);
    // One in a gap, and one that comes twice.
    let gap = first("R/2026-03-29T02:30:00/PT1H");
    assert_eq!(gap, Some(at("2026-03-29T01:00:00Z")));
    let twice = first("R/2026-10-25T02:30:00/PT1H");
    assert_eq!(twice, Some(at("2026-10-25T00:30:00Z")));
}
