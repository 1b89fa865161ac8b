//! The settings of a schedule, which are fields of its job.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{Array, Object, ObjectBuilder};

use super::{Field, answer, f, field};
use crate::schedules::{dates, fields as s};

/// The settings of a job's schedule, as they are sent and shown.
pub(super) fn all() -> Vec<Field> {
    let mut fields = wall_clock();
    fields.extend(policy());
    fields
}

pub(super) fn wall_clock() -> Vec<Field> {
    vec![
        field("schedule_timezone", f::or_null(f::timezone())),
        field(
            "schedule_exclusions",
            or_null(exclusions(dates::EXCLUSIONS_MAX, OWN_DATES)),
        ),
        field("schedule_calendars", or_null(calendars())),
        field("schedule_gap", f::or_null(f::word(s::GAPS, GAP))),
        field("schedule_repeat", f::or_null(f::word(s::REPEATS, REPEAT))),
    ]
}

const OWN_DATES: &str = "Dates, by the zone's wall clock, on which nothing runs";
const GAP: &str = "What becomes of wall times that the clock jumps over; `null` is `first_valid`, \
                   but `skip` for a cron expression of every hour";
const REPEAT: &str = "Which one counts of wall times that come twice; `null` is `first`, but \
                      `both` for a cron expression of every hour";

/// Dates on which nothing runs.
pub(super) fn exclusions(max: usize, description: &str) -> Array {
    let item = f::format(
        "exclusion",
        "A date, a range of dates, a day of each year, or day of month, month and day of week as \
         in cron",
        "--12-25",
    );
    ArrayBuilder::new()
        .items(item)
        .max_items(Some(max))
        .description(Some(description))
        .examples([json!(["2026-12-31", "--12-24/--01-02", "* * SAT,SUN"])])
        .build()
}

fn calendars() -> Array {
    ArrayBuilder::new()
        .items(f::namespace("Name of a calendar"))
        .max_items(Some(dates::CALENDARS_MAX))
        .description(Some(
            "Calendars of the namespace, on whose dates nothing runs either",
        ))
        .examples([json!(["holidays"])])
        .build()
}

fn or_null(mut array: Array) -> Array {
    array.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
    array
}

fn policy() -> Vec<Field> {
    let number = |range: std::ops::RangeInclusive<u32>, description: &str| {
        let (first, last) = range.into_inner();
        f::or_null(f::number(first, last, description))
    };
    let overlap = "What is done with an instant while an earlier exec of the job has not ended";
    let catch_up = "What is done about instants that passed while no scheduler was there";
    vec![
        field("overlap_policy", f::or_null(f::word(s::OVERLAPS, overlap))),
        field(
            "overlap_limit",
            number(s::LIMITS, "Instants that may wait; only with `queue_all`"),
        ),
        field(
            "overlap_counts_manual",
            f::or_null(f::boolean("Whether execs that a person triggered count")),
        ),
        field("catch_up", f::or_null(f::word(s::CATCH_UPS, catch_up))),
        field(
            "catch_up_limit",
            number(s::LIMITS, "How many at most; only with `all`"),
        ),
        field(
            "catch_up_window",
            number(s::WINDOWS, "How far back, in seconds; only with `all`"),
        ),
        field(
            "jitter",
            number(
                s::JITTERS,
                "Execs start up to this many seconds late, by the same for ever",
            ),
        ),
        field(
            "start_deadline",
            number(
                s::DEADLINES,
                "Seconds after its instant from which an exec is not made",
            ),
        ),
    ]
}

/// What follows from the settings; shown only.
pub(super) fn effective() -> ObjectBuilder {
    let mut fields = vec![
        field("timezone", f::text("The zone")),
        field("gap", f::or_null(f::word(s::GAPS, GAP))),
        field("repeat", f::or_null(f::word(s::REPEATS, REPEAT))),
        field(
            "delay",
            seconds("Seconds by which this job's execs start after their instants"),
        ),
    ];
    fields.extend(policy());
    answer(fields)
        .schema_type(SchemaType::Array(vec![Type::Object, Type::Null]))
        .description(Some(
            "Everything that applies, defaults included; `null` without a schedule",
        ))
}

pub(super) fn seconds(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some(description))
        .build()
}

pub(super) fn next_runs() -> Array {
    ArrayBuilder::new()
        .items(f::timestamp("An instant"))
        .description(Some(
            "The next instants that run; none of a schedule that is not active",
        ))
        .build()
}
