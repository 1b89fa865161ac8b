//! Backfills: the planned instants of a range, run after the fact at a rate, and
//! one after the other unless the schedule allows execs side by side.

use chrono::{DateTime, TimeDelta, Utc};
use recurrence::Recurrence;
use shared_types::{ExecId, Lane, Overlap, Shards, schedule};
use store::backfills::{self, Backfill, Progress};
use store::clock::just_after;
use store::execs::{self, Triggered};
use store::schedules::{self, Candidate, Range, Revision};
use store::slots::{self, Fired, Slot, SlotOutcome};
use store::{AsyncConnection, PgConnection, StoreError};

/// Backfills looked at by one step.
const LIMIT: i64 = 100;
/// How soon a backfill whose job is busy is looked at again.
const BUSY_DELAY: TimeDelta = TimeDelta::seconds(1);

/// What a step did.
#[derive(Debug, Default)]
pub struct Filled {
    /// New execs.
    pub fired: Vec<Fired>,
    /// When a backfill is to go on; `None` if there is none.
    pub due_at: Option<DateTime<Utc>>,
}

/// Makes the next exec of every backfill that is due.
pub async fn step(
    conn: &mut PgConnection,
    shards: Shards,
    now: DateTime<Utc>,
) -> Result<Filled, StoreError> {
    let mut filled = Filled::default();
    for id in backfills::due(conn, shards, now, LIMIT).await? {
        let fired = conn
            .transaction(async |conn| match backfills::lock(conn, id).await? {
                Some(backfill) => go_on(conn, &backfill, now).await,
                None => Ok(None),
            })
            .await?;
        filled.fired.extend(fired);
    }
    filled.due_at = backfills::next_due(conn, shards).await?;
    Ok(filled)
}

async fn go_on(
    conn: &mut PgConnection,
    backfill: &Backfill,
    now: DateTime<Utc>,
) -> Result<Option<Fired>, StoreError> {
    let wanted = &backfill.definition;
    let revision = schedules::revision(conn, wanted.job_id, wanted.generation).await?;
    let revision = revision.filter(|_| backfill.dropped_at.is_none());
    let from = backfill.next_at.unwrap_or(wanted.from_at);
    let next = revision
        .as_ref()
        .and_then(|it| Next::find(it, from, wanted.to_at));
    let (Some(revision), Some(next)) = (&revision, next) else {
        return end(conn, backfill, 0).await.map(|()| None);
    };
    if is_busy(conn, backfill, revision).await? {
        let progress = Progress::Open {
            next_at: from,
            fired: 0,
            due_at: now + BUSY_DELAY,
        };
        backfills::advance(conn, backfill.id, progress).await?;
        return Ok(None);
    }
    let Some(fired) = fire(conn, backfill, next.at).await? else {
        // The job was deleted.
        return end(conn, backfill, 0).await.map(|()| None);
    };
    if next.is_last {
        end(conn, backfill, 1).await?;
    } else {
        let progress = Progress::Open {
            next_at: just_after(next.at),
            fired: 1,
            due_at: now + TimeDelta::minutes(1) / wanted.per_minute,
        };
        backfills::advance(conn, backfill.id, progress).await?;
    }
    Ok(Some(fired))
}

/// The next instant of a backfill.
struct Next {
    at: DateTime<Utc>,
    is_last: bool,
}

impl Next {
    fn find(revision: &Revision, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Self> {
        let mode = revision.mode.as_deref()?;
        let recurrence = schedule::recurrence(mode, &revision.rules, revision.anchor).ok()?;
        let planned =
            |recurrence: &Recurrence, from| recurrence.next_planned(from).filter(|at| *at < until);
        let at = planned(&recurrence, from)?;
        let is_last = planned(&recurrence, just_after(at)).is_none();
        Some(Self { at, is_last })
    }
}

async fn is_busy(
    conn: &mut PgConnection,
    backfill: &Backfill,
    revision: &Revision,
) -> Result<bool, StoreError> {
    if revision.rules.overlap == Overlap::Allow {
        return Ok(false);
    }
    let counted = Triggered::counted_by(&revision.rules);
    execs::has_open(conn, backfill.definition.job_id, counted).await
}

async fn fire(
    conn: &mut PgConnection,
    backfill: &Backfill,
    slot_at: DateTime<Utc>,
) -> Result<Option<Fired>, StoreError> {
    let wanted = &backfill.definition;
    let candidate = Candidate {
        slot_at,
        lane: Lane::Low,
        exec_id: ExecId::new(),
    };
    let fired = execs::insert_scheduled(conn, wanted.job_id, &candidate).await?;
    if let Some(fired) = &fired {
        let range = Range {
            generation: wanted.generation,
            first_at: slot_at,
            last_at: slot_at,
            count: 1,
            outcome: SlotOutcome::Fired(fired.exec_id),
        };
        let entry = Slot {
            backfill_id: Some(backfill.id.0),
            ..Slot::new(wanted.job_id, range)
        };
        slots::insert(conn, &[entry]).await?;
    }
    Ok(fired)
}

async fn end(conn: &mut PgConnection, backfill: &Backfill, fired: i64) -> Result<(), StoreError> {
    backfills::advance(conn, backfill.id, Progress::Ended { fired }).await
}
