//! Random texts in random zones: nothing panics, and the answers agree.
#![no_main]

use chrono::{DateTime, TimeDelta};
use libfuzzer_sys::fuzz_target;
use recurrence::{Exclusions, Expression, Recurrence, Rules, Zone};

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

fuzz_target!(|input: (&str, &str, u8, i64, u32)| {
    let (text, exclusion, zone, micros, length) = input;
    let Ok(expression) = Expression::parse(text) else {
        return;
    };
    let rules = Rules {
        zone: Zone::named(ZONES[usize::from(zone) % ZONES.len()]).unwrap(),
        exclusions: Exclusions::parse(&[exclusion]).unwrap_or_default(),
        ..Rules::default()
    };
    let Ok(schedule) = Recurrence::new(&expression, &rules) else {
        return;
    };
    let Some(from) = DateTime::from_timestamp_micros(micros % 10_000_000_000_000_000) else {
        return;
    };
    let until = from + TimeDelta::seconds(length.into());
    let counts = schedule.count_between(from, until);
    let total = counts.total();
    assert_eq!(schedule.nth_from(from, total), schedule.first_at_or_after(until));
    if let Some(last) = total.checked_sub(1).and_then(|n| schedule.nth_from(from, n)) {
        assert!(from <= last.at && last.at < until);
        assert_eq!(schedule.last_before(until), Some(last));
    }
    if let Some(next) = schedule.next_planned(from) {
        assert!(next >= from);
        assert_eq!(schedule.nth_planned_before(next + TimeDelta::microseconds(1), 0), Some(next));
    }
    let _ = (schedule.local(from), schedule.clock_change(from), schedule.kth(length.into()));
});
