//! What belongs to schedules: previews, the ledger and backfills.

use serde_json::json;
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Array, ObjectBuilder, Ref, Schema};

use super::settings::{exclusions, wall_clock};
use super::{body, f, field, ignored};
use crate::schedules::{backfills, dates, preview};

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

pub(super) fn changed_job() -> Schema {
    let either = OneOfBuilder::new()
        .item(Ref::from_schema_name("Job"))
        .item(Ref::from_schema_name("DryRun"));
    Schema::OneOf(either.build())
}

fn calendar_dates() -> Array {
    let description = "Dates, by the wall clock of each schedule that names the calendar";
    exclusions(dates::CALENDAR_DATES_MAX, description)
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
