//! Every zone, fifty years: the slots around clock changes against an oracle
//! that walks from minute to minute and knows only offsets.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use recurrence::{Expression, Fate, GapRule, Recurrence, RepeatRule, Rules, Slot, Zone};

/// Clock changes looked at in each zone.
const CHANGES: usize = 3;
/// Minutes on both sides of one.
const AROUND: i64 = 27 * 60;

/// A text and what it means, minute by minute of the wall clock.
type Meaning = (&'static str, fn(DateTime<Utc>) -> bool);

const MEANINGS: [Meaning; 4] = [
    ("*/20 0-3,23 * * *", |wall| {
        wall.minute().is_multiple_of(20) && matches!(wall.hour(), 0..=3 | 23)
    }),
    ("R/1989-12-31T00:30:00/P1D", |wall| {
        wall.hour() == 0 && wall.minute() == 30
    }),
    ("7 * * * *; 30 2 * * *", |wall| {
        wall.minute() == 7 || (wall.hour() == 2 && wall.minute() == 30)
    }),
    ("15 1,2 * * SUN,MON,FRI", |wall| {
        wall.minute() == 15
            && matches!(wall.hour(), 1 | 2)
            && matches!(wall.weekday().num_days_from_sunday(), 0 | 1 | 5)
    }),
];

/// Offsets in a window: since when, in minutes, and how many seconds.
fn offsets(zone: &TimeZone, from: i64, until: i64) -> Vec<(i64, i64)> {
    let stamp = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
    let mut found = vec![(from, i64::from(zone.to_offset(stamp(from)).seconds()))];
    for change in zone.following(stamp(from)) {
        let minute = change.timestamp().as_second().div_euclid(60);
        if minute >= until {
            break;
        }
        found.push((minute, i64::from(change.offset().seconds())));
    }
    found
}

/// Slots of a window by walking; each with whether it stands in for a gap.
fn walk(
    zone: &TimeZone,
    (from, until): (i64, i64),
    repeat: RepeatRule,
    matches: fn(DateTime<Utc>) -> bool,
) -> Option<Vec<(i64, bool)>> {
    let offsets = offsets(zone, from - 2 * 1440, until + 2 * 1440);
    // Whole minutes only; old local mean times are for the tables.
    let is_whole = offsets.iter().all(|(_, offset)| offset % 60 == 0);
    let crowded = offsets.windows(2).any(|pair| pair[1].0 - pair[0].0 < 2880);
    if !is_whole || crowded {
        return None;
    }
    let wall = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
    let offset_at = |minute: i64| {
        let after = offsets.partition_point(|(since, _)| *since <= minute);
        offsets[after - 1].1 / 60
    };
    let shown_at = |minute: i64| minute + offset_at(minute);
    let mut slots = Vec::new();
    for minute in from..until {
        let shown = shown_at(minute);
        let jumped = shown - shown_at(minute - 1) - 1;
        let runs = matches(wall(shown));
        if jumped > 0 && !runs && (shown - jumped..shown).any(|left_out| matches(wall(left_out))) {
            slots.push((minute, true));
        }
        if !runs {
            continue;
        }
        // Other instants that show the same are a change of the offset away.
        let others = offsets.iter().map(|(_, offset)| shown - offset / 60);
        let others: Vec<i64> = others.filter(|other| shown_at(*other) == shown).collect();
        let is_first = others.iter().all(|other| *other >= minute);
        let is_last = others.iter().all(|other| *other <= minute);
        let counts = match repeat {
            RepeatRule::First => is_first,
            RepeatRule::Second => is_last,
            RepeatRule::Both => true,
        };
        if counts {
            slots.push((minute, false));
        }
    }
    Some(slots)
}

fn check(name: &str, zone: &TimeZone, change: i64, number: usize) -> usize {
    let (text, matches) = MEANINGS[number % MEANINGS.len()];
    let repeats = [RepeatRule::First, RepeatRule::Second, RepeatRule::Both];
    let repeat = repeats[number / MEANINGS.len() % 3];
    let gap = [GapRule::FirstValid, GapRule::Skip][number % 2];
    let window = (change - AROUND, change + AROUND);
    let Some(expected) = walk(zone, window, repeat, matches) else {
        return 0;
    };
    let rules = Rules {
        zone: Zone::named(name).unwrap(),
        gap: Some(gap),
        repeat: Some(repeat),
        ..Rules::default()
    };
    let recurrence = Recurrence::new(&Expression::parse(text).unwrap(), &rules).unwrap();
    let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
    let first = recurrence.first_at_or_after(at(window.0));
    let found: Vec<_> = std::iter::successors(first, |slot| recurrence.first_after(slot.at))
        .take_while(|slot| slot.at < at(window.1))
        .collect();
    let seen: Vec<(i64, bool)> = found
        .iter()
        .map(|slot| {
            let is_gap = recurrence.local(slot.at).naive_local();
            let is_gap = slot.fate == Fate::DstGap || !matches(is_gap.and_utc());
            (slot.at.timestamp() / 60, is_gap)
        })
        .collect();
    assert_eq!(
        seen,
        expected,
        "{name} {text} {repeat} around {}",
        at(change)
    );
    assert!(found.is_sorted_by(|a, b| a.at < b.at), "{name}");
    agree(&recurrence, (at(window.0), at(window.1)), &found);
    found.len()
}

/// Every way to ask for the slots of a window finds the same ones.
fn agree(recurrence: &Recurrence, (from, until): (DateTime<Utc>, DateTime<Utc>), found: &[Slot]) {
    let counts = recurrence.count_between(from, until);
    assert_eq!(counts.total(), found.len() as u64);
    for (n, slot) in (0..).zip(found) {
        assert_eq!(recurrence.nth_from(from, n), Some(*slot));
        let before = slot.at - TimeDelta::microseconds(1);
        assert_eq!(recurrence.first_after(before), Some(*slot));
        assert_eq!(recurrence.last_at_or_before(slot.at), Some(*slot));
    }
}

#[test]
fn every_zone_around_its_clock_changes() {
    let [begin, end] = ["1990-01-01T00:00:00Z", "2040-01-01T00:00:00Z"]
        .map(|text| text.parse::<Timestamp>().unwrap());
    let (mut number, mut zones, mut slots) = (0, 0, 0);
    for name in Zone::names() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(&name).unwrap();
        let changes: Vec<i64> = zone
            .following(begin)
            .map(|change| change.timestamp())
            .take_while(|change| *change < end)
            .map(|change| change.as_second().div_euclid(60))
            .collect();
        zones += usize::from(!changes.is_empty());
        for index in 0..CHANGES.min(changes.len()) {
            // Not the same ones in each zone, and every pair of meaning and rule.
            let change = changes[(index * changes.len() / CHANGES + number) % changes.len()];
            slots += check(&name, &zone, change, number);
            number += 1;
        }
    }
    assert!(
        zones > 300 && slots > 10_000,
        "{zones} zones, {slots} slots"
    );
}
