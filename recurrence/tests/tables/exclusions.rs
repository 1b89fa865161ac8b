//! Instants that do not run.

use super::*;

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
