//! What belongs to schedules: previews, the ledger and backfills.

use serde_json::json;
use store::slots::SlotOutcome;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Array, ObjectBuilder, Ref, Schema};

use super::settings::{exclusions, seconds, wall_clock};
use super::{answer, body, f, field, ignored};
use crate::openapi::examples;
use crate::schedules::{backfills, fields as s, preview};

pub(super) fn preview_request() -> ObjectBuilder {
    let (first, last) = preview::COUNTS.into_inner();
    let mut fields = wall_clock();
    fields.extend([
        field("schedule_mode", f::schedule_mode()),
        field(
            "namespace",
            f::or_null(f::namespace(
                "Whose calendars it names; the caller's own if left out",
            )),
        ),
        field(
            "from",
            f::or_null(f::format(
                "instant",
                "No run before it; now if left out",
                "2026-01-01T00:00:00Z",
            )),
        ),
        field(
            "count",
            f::or_null(f::number(first, last, "Runs to show; 10 if left out")),
        ),
    ]);
    body(&["schedule_mode"], fields).examples([json!({
        "schedule_mode": "30 2 * * *", "schedule_timezone": "Europe/Berlin",
        "from": "2026-03-28T12:00:00Z", "count": 2,
    })])
}

fn runs() -> Array {
    let run = answer([
        field("at", f::timestamp("When it runs")),
        field(
            "local",
            f::format(
                "date-time",
                "What the zone's clock shows then",
                "2026-03-29T03:00:00+02:00",
            ),
        ),
        field("note", f::or_null(f::text("What a clock change did to it"))),
    ]);
    ArrayBuilder::new().items(run).build()
}

pub(super) fn preview() -> ObjectBuilder {
    answer([
        field("runs", runs()),
        field("timezone", f::text("The zone")),
        field("gap", f::word(s::GAPS, "The rule that applies")),
        field("repeat", f::word(s::REPEATS, "The rule that applies")),
    ])
    .examples([json!({
        "runs": [{
            "at": "2026-03-29T01:00:00.000000+00:00", "local": "2026-03-29T03:00:00+02:00",
            "note": "02:30:00 does not exist on this day; the clock goes forward to 03:00:00",
        }],
        "timezone": "Europe/Berlin", "gap": "first_valid", "repeat": "first",
    })])
}

pub(super) fn dry_run() -> ObjectBuilder {
    let mut median = seconds("The middle duration of the job's last execs");
    median.schema_type = SchemaType::Array(vec![Type::Number, Type::Null]);
    let overlaps = "Runs that would come while the one before still ran, by that duration";
    answer([
        field("runs", runs()),
        field(
            "expected_overlaps",
            f::or_null(f::number(0, u32::MAX, overlaps)),
        ),
        field("median_duration", median),
        field(
            "old_instants",
            ArrayBuilder::new()
                .items(f::timestamp("An instant"))
                .max_items(Some(0))
                .description(Some("Instants of the past that it would fire: never any")),
        ),
    ])
}

pub(super) fn changed_job() -> Schema {
    let either = OneOfBuilder::new()
        .item(Ref::from_schema_name("Job"))
        .item(Ref::from_schema_name("DryRun"));
    Schema::OneOf(either.build())
}

pub(super) fn slot() -> ObjectBuilder {
    let reasons = SlotOutcome::SETTLED
        .iter()
        .filter_map(|outcome| outcome.reason());
    let mut reasons: Vec<&str> = reasons.collect();
    reasons.sort_unstable();
    reasons.dedup();
    answer([
        field("slot_at", f::timestamp("The planned instant")),
        field("outcome", f::word(SlotOutcome::WORDS, "What became of it")),
        field("reason", f::or_null(f::word(reasons, "Why it did not run"))),
        field("message", f::text("The same for people")),
        field("exec", f::or_null(f::exec_id("Its exec"))),
        field(
            "generation",
            f::number(1, u32::MAX, "Which edit of the schedule planned it"),
        ),
        field(
            "backfill",
            f::or_null(f::number(1, u32::MAX, "The backfill that ran it")),
        ),
    ])
    .examples([examples::slot()])
}

fn calendar_dates() -> Array {
    let description = "Dates, by the wall clock of each schedule that names the calendar";
    exclusions(s::CALENDAR_DATES_MAX, description)
}

pub(super) fn calendar() -> ObjectBuilder {
    answer([
        field("name", f::namespace("Its name")),
        field("dates", calendar_dates()),
        field("updated_at", f::timestamp("When it was last changed")),
    ])
}

pub(super) fn new_calendar() -> ObjectBuilder {
    let fields = [
        field("dates", calendar_dates()),
        field("name", ignored("the path says it")),
        field("updated_at", ignored("given by the service")),
    ];
    body(&["dates"], fields)
        .examples([json!({ "dates": ["--01-01", "2027-03-26", "--12-25/--12-26"] })])
}

pub(super) fn new_backfill() -> ObjectBuilder {
    let number = |range: std::ops::RangeInclusive<u32>, description: &str| {
        let (first, last) = range.into_inner();
        f::or_null(f::number(first, last, description))
    };
    body(
        &["from", "to"],
        [
            field(
                "from",
                f::format(
                    "past",
                    "The first instant that may be run",
                    "2015-12-01T00:00:00Z",
                ),
            ),
            field(
                "to",
                f::format(
                    "past",
                    "The end of the range, not included, and not in the future",
                    "2015-12-02T00:00:00Z",
                ),
            ),
            field(
                "per_minute",
                number(backfills::RATES, "Execs a minute at most; 10 if left out"),
            ),
            field(
                "max_execs",
                number(
                    backfills::CAPS,
                    "Refused if the range has more instants; 100 if left out",
                ),
            ),
        ],
    )
}

pub(super) fn backfill() -> ObjectBuilder {
    let (first, last) = backfills::RATES.into_inner();
    answer([
        field("id", f::number(1, u32::MAX, "Its number")),
        field("from", f::timestamp("The beginning of its range")),
        field("to", f::timestamp("The end, not included")),
        field(
            "per_minute",
            f::number(first, last, "Execs a minute at most"),
        ),
        field(
            "state",
            f::word(["running", "dropped", "done"], "Where it is"),
        ),
        field(
            "count",
            f::number(1, u32::MAX, "Planned instants of its range"),
        ),
        field("fired", f::number(0, u32::MAX, "Execs that were made")),
        field(
            "remaining",
            f::number(0, u32::MAX, "Instants that are still to be run"),
        ),
        field(
            "generation",
            f::number(1, u32::MAX, "Which edit of the schedule"),
        ),
        field("created_by", f::text("Who asked for it")),
        field("created_at", f::timestamp("When")),
        field(
            "ended_at",
            f::or_null(f::timestamp("When it was done with")),
        ),
    ])
}
