//! What a new generation begins with, and what becomes of the instants of the
//! generations before it.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use chrono::{DateTime, Utc};
use scheduler_svc::plan::plan;
use shared_types::{JobId, ScheduleRules};
use store::schedules::{Range, Revision, Schedule};
use store::slots::CancelReason;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-06-01T{text}Z").parse().unwrap()
}

fn revision(generation: i64, mode: Option<&str>, active: bool, from: &str) -> Revision {
    Revision {
        generation,
        mode: mode.map(str::to_owned),
        rules: ScheduleRules::default(),
        anchor: at("00:00:00"),
        active,
        effective_from: at(from),
    }
}

fn schedule(revision: Revision, observed: i64, next_at: Option<&str>) -> Schedule {
    Schedule {
        job_id: JobId(1),
        revision,
        observed_generation: observed,
        next_at: next_at.map(at),
        due_at: next_at.map(at),
    }
}

/// `1 missed scheduler_away 12:00:00-12:04:00 5`
fn told(ranges: &[Range]) -> Vec<String> {
    let clock = |at: DateTime<Utc>| at.format("%H:%M:%S").to_string();
    ranges
        .iter()
        .map(|range| {
            let (first, last) = (clock(range.first_at), clock(range.last_at));
            let reason = range.outcome.reason().unwrap_or_default();
            let outcome = range.outcome.as_str();
            format!(
                "{} {outcome} {reason} {first}-{last} {}",
                range.generation, range.count
            )
        })
        .collect()
}

const MINUTELY: Option<&str> = Some("R/2026-06-01T00:00:00Z/PT1M");

#[test]
fn a_generation_begins_where_it_took_effect() {
    // Mode, active, first instant, whether it is waited for.
    let hourly = |start: &str| format!("R/2026-06-{start}Z/PT1H");
    let cases = [
        (Some(hourly("01T00:00:00")), true, Some("13:00:00"), true),
        (Some(hourly("01T15:30:00")), true, Some("15:30:00"), true),
        (
            Some(hourly("01T00:00:00.9999999")),
            true,
            Some("12:00:00.999999"),
            true,
        ),
        (
            Some("R1/2020-01-01T00:00:00Z/PT1H".to_owned()),
            true,
            None,
            false,
        ),
        // Where a paused one stood is where its pause is told from.
        (Some(hourly("01T00:00:00")), false, Some("13:00:00"), false),
        (None, false, None, false),
    ];
    for (mode, active, first, is_due) in cases {
        let new = revision(1, mode.as_deref(), active, "12:00:00.000001");
        let plan = plan(&schedule(new, 0, None), &[]);
        assert_eq!(plan.next_at, first.map(at), "{mode:?}");
        assert_eq!(plan.due_at, first.map(at).filter(|_| is_due), "{mode:?}");
        assert_eq!((plan.generation, plan.error), (1, None));
    }
}

#[test]
fn a_text_that_cannot_be_read_is_told_and_never_planned() {
    let new = revision(1, Some("every now and then"), true, "12:00:00");
    let plan = plan(&schedule(new, 0, None), &[]);
    assert_eq!((plan.next_at, plan.due_at), (None, None));
    assert!(plan.error.unwrap().contains("5 fields"));
}

#[test]
fn what_an_edit_left_undone_is_told() {
    let old = revision(1, MINUTELY, true, "11:00:00");
    let cases = [
        // Edited while the scheduler was there, at an instant that was due.
        (
            "12:00:05",
            "12:00:00",
            &["1 cancelled edited 12:00:00-12:00:00 1"][..],
        ),
        ("12:00:00", "12:00:00", &[]),
        ("12:00:00", "12:01:00", &[]),
        // It had been away for five minutes.
        (
            "12:05:05",
            "12:00:00",
            &[
                "1 missed scheduler_away 12:00:00-12:04:00 5",
                "1 cancelled edited 12:05:00-12:05:00 1",
            ],
        ),
    ];
    for (edited_at, next_at, expected) in cases {
        let new = revision(2, Some("R/2026-06-01T00:00:00Z/PT1H"), true, edited_at);
        let plan = plan(&schedule(new, 1, Some(next_at)), std::slice::from_ref(&old));
        assert_eq!(told(&plan.settled), expected, "{edited_at}");
        assert_eq!(plan.unqueued, CancelReason::Edited);
    }
}

#[test]
fn a_pause_is_told_when_it_ends_and_generations_nobody_saw_are_told_too() {
    let history = [
        revision(1, MINUTELY, true, "11:00:00"),
        revision(2, MINUTELY, false, "12:00:30"),
        revision(3, None, false, "12:10:30"),
        revision(4, Some("R/2026-06-01T00:00:00Z/PT10M"), false, "12:20:30"),
        revision(5, Some("nonsense"), true, "12:40:30"),
    ];
    let new = revision(6, MINUTELY, true, "13:00:00");
    let paused = plan(
        &schedule(history[1].clone(), 1, Some("12:01:00")),
        &history[..1],
    );
    assert_eq!(told(&paused.settled), [] as [&str; 0]);
    assert_eq!(paused.unqueued, CancelReason::Paused);

    let resumed = plan(&schedule(new.clone(), 2, Some("12:01:00")), &history[1..]);
    assert_eq!(
        told(&resumed.settled),
        [
            "2 skipped paused 12:01:00-12:10:00 10",
            "4 skipped paused 12:30:00-12:40:00 2"
        ]
    );
    // Nobody had even seen the first one.
    let unseen = plan(&schedule(new, 0, None), &history);
    assert_eq!(told(&unseen.settled).len(), 3);
    assert_eq!(
        told(&unseen.settled)[0],
        "1 missed scheduler_away 11:00:00-12:00:00 61"
    );
}
