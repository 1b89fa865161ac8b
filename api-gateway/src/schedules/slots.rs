//! `GET /v1/jobs/{job}/slots`: what became of each planned instant of a job.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_types::{ExecId, JobId};
use store::access::Access;
use store::page::{Count, Direction, Page, Position, Rows};
use store::slots::{
    self, CancelReason, CoalesceReason, MissReason, SkipReason, Slot, SlotFilter, SlotKey,
    SlotOutcome,
};
use store::{PgConnection, schedules};
use utoipa::ToSchema;
use utoipa::openapi::{Object, Schema};

use crate::context::Context;
use crate::jobs;
use crate::openapi::types;
use crate::read::fields::FieldError;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{Params, instant, parameters, some_of};
use crate::read::query::Query;
use crate::reply::error::ApiError;
use crate::reply::timestamp::Timestamp;
use crate::schedules::ledger::{self, Generations, Walk};

/// The field that orders the list.
const SLOT_AT: &str = "slot_at";

/// A page of the ledger of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotList {
    filter: SlotFilter,
    page: PageRequest<SlotKey>,
}

impl SlotList {
    /// Reads a query.
    pub fn parse(query: &Query, job: JobId) -> Result<Self, Vec<FieldError>> {
        Params::read(query, |params| Self::read(params, job))
    }

    fn read(params: &mut Params<'_>, job: JobId) -> Self {
        let outcomes = "Only what became this, or one of these, between commas";
        let outcomes = some_of(&SlotOutcome::WORDS, |word| word, outcomes);
        let filter = SlotFilter {
            job,
            from: params.optional("from", instant("Only instants from this one on")),
            until: params.optional("to", instant("Only instants before this one")),
            outcomes: params.optional("outcome", outcomes).unwrap_or_default(),
        };
        let sort = params.optional("sort", Sort::one_of(&[SLOT_AT]));
        let sort = sort.unwrap_or(Sort {
            field: SLOT_AT,
            direction: Direction::Descending,
        });
        let page = PageRequest::read(params, sort);
        Self { filter, page }
    }

    /// The instants, and how many there are on all pages.
    pub async fn load(
        self,
        context: &Context,
        now: DateTime<Utc>,
    ) -> Result<(Count, Cut<Slot>), ApiError> {
        let job = self.filter.job;
        jobs::get(context, Access::Read, job).await?;
        let mut conn = context.connection().await?;
        let schedule = schedules::get(&mut conn, job).await?;
        let schedule = schedule.ok_or(ApiError::NotFound)?;
        let earlier = schedules::superseded(&mut conn, &[job]).await?;
        let revisions = earlier.iter().map(|(_, revision)| revision);
        let generations = ledger::generations(revisions.chain([&schedule.revision]));
        let pending: Vec<Slot> = ledger::pending(&schedule, &generations, now)
            .into_iter()
            .filter(|range| ledger::passes(&self.filter, range))
            .collect();
        let count = self.count(&mut conn, &pending, &generations).await?;
        let rows = self.rows(&mut conn, pending, &generations).await?;
        Ok((count, self.page.cut(rows, Slot::key)))
    }

    async fn count(
        &self,
        conn: &mut PgConnection,
        pending: &[Slot],
        generations: &Generations,
    ) -> Result<Count, ApiError> {
        let singles = slots::count_singles(conn, &self.filter).await?;
        let (whole, cut) = slots::count_ranges(conn, &self.filter).await?;
        let parts = cut.iter().chain(pending);
        let parts = parts.map(|range| ledger::count(range, generations, &self.filter));
        let ranges = parts.fold(whole, i64::saturating_add);
        Ok(Count {
            rows: singles.rows.saturating_add(ranges),
            is_exact: singles.is_exact,
        })
    }

    async fn rows(
        &self,
        conn: &mut PgConnection,
        pending: Vec<Slot>,
        generations: &Generations,
    ) -> Result<Rows<Slot>, ApiError> {
        let Page {
            position,
            direction,
            limit,
        } = self.page.query();
        let (key, skipped, is_backward) = match position {
            Position::Skip(rows) => (None, rows, false),
            Position::After(key) => (Some(key), 0, false),
            Position::Before(key) => (Some(key), 0, true),
        };
        let is_ascending = (direction == Direction::Ascending) != is_backward;
        // One more tells whether the list goes on.
        let wanted = limit + skipped + 1;
        let entries = slots::singles(conn, &self.filter, (key, is_ascending), wanted).await?;
        let at = key.map(|key| key.slot_at);
        // An instant of the key itself may lie on this side of it.
        let bound = at.map(|at| {
            if is_ascending {
                at
            } else {
                at + chrono::TimeDelta::microseconds(1)
            }
        });
        let mut ranges = slots::ranges(conn, &self.filter, (bound, is_ascending), wanted).await?;
        ranges.extend(pending);
        let walk = Walk {
            key,
            is_ascending,
            limit: usize::try_from(wanted).unwrap_or(usize::MAX),
        };
        let mut rows = ledger::page(entries, &ranges, generations, &self.filter, walk);
        rows.drain(..usize::try_from(skipped).unwrap_or_default().min(rows.len()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        if is_backward {
            rows.reverse();
        }
        Ok(Rows { rows, goes_on })
    }
}

parameters!(SlotList, |params| SlotList::read(params, JobId(0)));

/// A planned instant, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Slot, examples(json!({
    "slot_at": "2015-12-31T02:00:00.000000+00:00", "outcome": "skipped",
    "reason": "overlap", "message": "An earlier exec of the job had not ended.",
    "exec": null, "generation": 1, "backfill": null,
})))]
pub struct SlotView {
    /// The planned instant.
    slot_at: Timestamp,
    #[schema(schema_with = outcome)]
    outcome: &'static str,
    #[schema(required, schema_with = reason)]
    reason: Option<&'static str>,
    /// What became of it in a sentence, for people.
    message: &'static str,
    /// Its exec.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    exec: Option<ExecId>,
    /// Which edit of the schedule planned it.
    #[schema(minimum = 1)]
    generation: i64,
    /// The backfill that ran it.
    #[schema(required, minimum = 1)]
    backfill: Option<i64>,
}

fn outcome() -> Object {
    types::word(SlotOutcome::WORDS, "What became of it")
}

fn reason() -> Schema {
    let reasons = SlotOutcome::SETTLED.iter();
    let reasons: BTreeSet<_> = reasons.filter_map(|outcome| outcome.reason()).collect();
    types::or_null(types::word(reasons, "Why it did not run"))
}

impl From<&Slot> for SlotView {
    fn from(slot: &Slot) -> Self {
        Self {
            slot_at: Timestamp(slot.first_at),
            outcome: slot.outcome.as_str(),
            reason: slot.outcome.reason(),
            message: message(slot.outcome),
            exec: slot.outcome.exec_id(),
            generation: slot.generation,
            backfill: slot.backfill_id,
        }
    }
}

/// What became of an instant in a sentence, for people.
fn message(outcome: SlotOutcome) -> &'static str {
    match outcome {
        SlotOutcome::Fired(_) => "An exec was made.",
        SlotOutcome::Queued(_) => "It waits for an earlier exec of the job to end.",
        SlotOutcome::Skipped(SkipReason::Overlap) => "An earlier exec of the job had not ended.",
        SlotOutcome::Skipped(SkipReason::QueueFull) => "As many instants waited as may.",
        SlotOutcome::Skipped(SkipReason::Paused) => "The schedule was paused.",
        SlotOutcome::Skipped(SkipReason::Excluded) => {
            "It fell on one of the schedule's exclusions."
        }
        SlotOutcome::Skipped(SkipReason::DstGap) => {
            "The clock was set forward and never showed this time."
        }
        SlotOutcome::Missed(MissReason::SchedulerAway) => {
            "No scheduler was there, and it was too old to be made up for."
        }
        SlotOutcome::Missed(MissReason::StartDeadline) => {
            "It could not start before its start deadline."
        }
        SlotOutcome::Coalesced(CoalesceReason::Queued) => {
            "An earlier instant waited already and stands for it."
        }
        SlotOutcome::Coalesced(CoalesceReason::Newer) => "A newer instant took its place.",
        SlotOutcome::Cancelled(CancelReason::Edited) => {
            "The schedule was edited before it could run."
        }
        SlotOutcome::Cancelled(CancelReason::Paused) => {
            "The schedule was paused before it could run."
        }
    }
}
