//! The JSON of backfills.

use serde::Serialize;
use store::backfills::Backfill;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::types;
use crate::reply::timestamp::Timestamp;

/// A backfill: planned instants of a range that are run after the fact.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillView<'a> {
    /// Its number.
    #[schema(minimum = 1)]
    id: i64,
    /// The beginning of its range.
    from: Timestamp,
    /// The end, not included.
    to: Timestamp,
    /// Execs a minute at most.
    #[schema(minimum = 1)]
    per_minute: i32,
    #[schema(schema_with = state)]
    state: &'static str,
    /// Planned instants of its range.
    #[schema(minimum = 1)]
    count: i64,
    /// Execs that were made.
    #[schema(minimum = 0)]
    fired: i64,
    /// Instants that are still to be run.
    #[schema(minimum = 0)]
    remaining: i64,
    /// Which edit of the schedule.
    #[schema(minimum = 1)]
    generation: i64,
    /// Who asked for it.
    created_by: &'a str,
    /// When.
    created_at: Timestamp,
    /// When it was done with.
    #[schema(required)]
    ended_at: Option<Timestamp>,
}

fn state() -> Object {
    types::word(["running", "dropped", "done"], "Where it is")
}

impl<'a> From<&'a Backfill> for BackfillView<'a> {
    fn from(backfill: &'a Backfill) -> Self {
        let definition = &backfill.definition;
        let state = match (backfill.dropped_at, backfill.ended_at) {
            (Some(_), _) => "dropped",
            (None, Some(_)) => "done",
            (None, None) => "running",
        };
        let left = definition.count - backfill.fired;
        Self {
            id: backfill.id.0,
            from: Timestamp(definition.from_at),
            to: Timestamp(definition.to_at),
            per_minute: definition.per_minute,
            state,
            count: definition.count,
            fired: backfill.fired,
            remaining: if state == "running" { left } else { 0 },
            generation: definition.generation,
            created_by: &definition.created_by,
            created_at: Timestamp(backfill.created_at),
            ended_at: backfill.ended_at.map(Timestamp),
        }
    }
}
