//! From an expression and its rules to a line in a zone.

use super::Inner;
use crate::calendar::{FIRST, LAST, SECOND, micros};
use crate::error::RecurrenceError;
use crate::expression::{Expression, Text};
use crate::iso::{Form, Interval, Length, Offset, Point};
use crate::line::Line;
use crate::progression::{Period, Progression};
use crate::rules::{GapRule, RepeatRule, Rules};
use crate::zone::{Stretch, Zone};

pub(super) fn build(expression: &Expression, rules: &Rules) -> Result<Inner, RecurrenceError> {
    let is_even = matches!(&expression.0, Text::Cron(cron) if cron.is_of_every_hour);
    let (gap, repeat) = if is_even {
        (GapRule::Skip, RepeatRule::Both)
    } else {
        (GapRule::FirstValid, RepeatRule::First)
    };
    let mut inner = Inner {
        line: match &expression.0 {
            Text::Cron(cron) => Line::Cron(cron.clone()),
            Text::Interval(interval) => line(interval, rules)?,
        },
        zone: rules.zone.clone(),
        gap: rules.gap.unwrap_or(gap),
        repeat: rules.repeat.unwrap_or(repeat),
        exclusions: rules.exclusions.clone(),
        runs: None,
        origin: FIRST,
        last: LAST,
    };
    match &expression.0 {
        Text::Cron(_) => inner.origin = micros(rules.anchor),
        Text::Interval(interval) => {
            inner.runs = interval.runs;
            let last = interval.runs.and_then(|runs| inner.nth(FIRST, runs - 1));
            inner.last = last.map_or(LAST, |(at, _)| at);
        }
    }
    Ok(inner)
}

fn line(interval: &Interval, rules: &Rules) -> Result<Line, RecurrenceError> {
    let zone = &rules.zone;
    let from = |anchor, length: Length, first_k| {
        let progression = Progression {
            anchor,
            period: length.period,
            first_k,
        };
        if length.is_calendar {
            Line::Wall(progression)
        } else {
            Line::Elapsed(progression)
        }
    };
    match &interval.form {
        Form::StartPeriod(None, length) => {
            let anchor = micros(rules.anchor);
            let wall = anchor + zone.stretch(anchor).offset;
            let anchor = if length.is_calendar { wall } else { anchor };
            Ok(from(anchor, *length, 0))
        }
        Form::StartPeriod(Some(start), length) => {
            Ok(from(place(start, length.is_calendar, rules)?, *length, 0))
        }
        Form::PeriodEnd(length, end) => {
            let runs = interval.runs.and_then(|runs| i64::try_from(runs).ok());
            let first_k = -runs.unwrap_or(i64::MAX / 8).min(i64::MAX / 8);
            Ok(from(
                place(end, length.is_calendar, rules)?,
                *length,
                first_k,
            ))
        }
        Form::StartEnd(start, end) => {
            let [start, end] = [start, end].map(|point| place(point, false, rules));
            let (start, end) = (start?, end?);
            if end <= start {
                return Err(RecurrenceError::EndBeforeStart);
            }
            let period = Period {
                months: 0,
                micros: end - start,
            };
            let length = Length {
                period,
                is_calendar: false,
            };
            Ok(from(start, length, 0))
        }
    }
}

/// A point that was written, on the wall clock of the zone or as an instant.
fn place(point: &Point, on_wall: bool, rules: &Rules) -> Result<i64, RecurrenceError> {
    let zone = &rules.zone;
    let instant = match point.offset {
        Offset::Local if on_wall => return Ok(point.wall),
        Offset::Local => resolve(zone, point.wall, rules.repeat),
        Offset::Utc => point.wall,
        Offset::East(east) => {
            let instant = point.wall - east;
            let right = zone.stretch(instant).offset;
            // Elapsed time needs no wall clock, and UTC is what is meant if no
            // zone was given.
            if on_wall && right != east && *zone != Zone::utc() {
                return Err(RecurrenceError::OffsetOfAnotherZone {
                    offset: point.at,
                    said: written(east),
                    zone: zone.name().to_owned(),
                    right: written(right),
                });
            }
            instant
        }
    };
    Ok(if on_wall {
        instant + zone.stretch(instant).offset
    } else {
        instant
    })
}

/// When a zone's wall clock shows this: the first time, or the second if that is
/// the rule; if it never does, when it jumps over it.
fn resolve(zone: &Zone, wall: i64, repeat: Option<RepeatRule>) -> i64 {
    let mut found = Vec::new();
    let mut jump = wall;
    let mut t = wall - super::CLOCKS;
    while t <= wall + super::CLOCKS {
        let stretch: Stretch = zone.stretch(t);
        let instant = wall - stretch.offset;
        if (stretch.start..stretch.end).contains(&instant) {
            found.push(instant);
        }
        if (stretch.start + stretch.before..stretch.start + stretch.offset).contains(&wall) {
            jump = stretch.start;
        }
        t = stretch.end;
    }
    let chosen = if repeat == Some(RepeatRule::Second) {
        found.last()
    } else {
        found.first()
    };
    chosen.copied().unwrap_or(jump)
}

fn written(offset: i64) -> String {
    let minutes = offset.abs() / SECOND / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
