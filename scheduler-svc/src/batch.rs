//! Fires what is due: all that is simple in one statement, and each job that is
//! busy, or has several instants to fire, in a transaction of its own.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shared_types::{ExecId, JobId, Lane, Overlap, schedule};
use store::execs::{self, Cancelled, Triggered};
use store::schedules::{self, Candidate, Firing, Moved, Range, Upcoming};
use store::slots::{self, CoalesceReason, Fired, SkipReason, SlotOutcome};
use store::{AsyncConnection, PgConnection, StoreError};

use crate::decision::{self, Decision, Standing, Wanted};
use crate::overlap::{self, Busy};

/// On whose behalf the overlap policy cancels, as timelines show it.
const CANCELLED_BY: &str = "The schedule's overlap policy";

/// What was written.
#[derive(Debug, Default)]
pub struct Batch {
    /// New execs, those on time with the instant they were to start at.
    pub fired: Vec<(Fired, Option<DateTime<Utc>>)>,
    /// Other new entries of the ledger.
    pub settled: Vec<(JobId, Range)>,
    /// Execs whose end was asked for.
    pub cancelled: Vec<Cancelled>,
    /// Where the schedules stand now that moved on.
    pub upcoming: Vec<Upcoming>,
    /// Schedules that stood elsewhere: another replica or an edit was first.
    pub superseded: Vec<JobId>,
    /// Schedules that the database would not have fired.
    pub refused: Vec<(JobId, StoreError)>,
}

/// A schedule with what is to become of it.
struct Due {
    schedule: Upcoming,
    decision: Decision,
}

/// Fires what is due at `now` among these schedules.
pub async fn fire(
    conn: &mut PgConnection,
    due: Vec<Upcoming>,
    now: DateTime<Utc>,
) -> Result<Batch, StoreError> {
    let due = due
        .into_iter()
        .map(|schedule| decide(schedule, now))
        .collect::<Result<Vec<Due>, StoreError>>()?;
    let (simple, mut contended): (Vec<Due>, Vec<Due>) = due
        .into_iter()
        .partition(|due| due.decision.wanted.len() <= 1);
    let mut batch = Batch::default();
    let firings: Vec<Firing> = simple.iter().map(firing).collect();
    let moved = if firings.is_empty() {
        Vec::new()
    } else {
        schedules::fire(conn, &firings).await?
    };
    let mut moved: HashMap<JobId, Moved> = moved
        .into_iter()
        .map(|moved| (moved.job_id, moved))
        .collect();
    for due in simple {
        match moved.remove(&due.schedule.job_id) {
            Some(moved) => batch.take(due, moved),
            None if waits(due.schedule.rules.overlap) => contended.push(due),
            None => batch.superseded.push(due.schedule.job_id),
        }
    }
    for due in contended {
        let job = due.schedule.job_id;
        match contend(conn, due, &mut batch).await {
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => batch.refused.push((job, error)),
            Ok(()) => {}
        }
    }
    Ok(batch)
}

/// Whether an instant of a busy job may wait.
fn waits(policy: Overlap) -> bool {
    !matches!(policy, Overlap::Skip | Overlap::Allow)
}

fn decide(schedule: Upcoming, now: DateTime<Utc>) -> Result<Due, StoreError> {
    let read = schedule::recurrence(&schedule.mode, &schedule.rules, schedule.anchor);
    // It was read when it was planned, so another version must have planned it.
    let recurrence = read.map_err(|error| StoreError::Unknown {
        what: "schedule",
        value: format!("{}: {error}", schedule.mode),
    })?;
    let standing = Standing {
        generation: schedule.generation,
        next_at: schedule.next_at,
        rules: &schedule.rules,
        delay: schedule.rules.delay(schedule.job_id),
    };
    let decision = decision::decide(&standing, &recurrence, now);
    Ok(Due { schedule, decision })
}

fn firing(due: &Due) -> Firing {
    let Due { schedule, decision } = due;
    let candidate = |wanted: &Wanted| Candidate {
        slot_at: wanted.slot_at,
        lane: wanted.lane,
        exec_id: ExecId::new(),
    };
    Firing {
        job_id: schedule.job_id,
        generation: schedule.generation,
        from: schedule.next_at,
        next_at: decision.next_at,
        due_at: decision.due_at,
        settled: decision.settled.clone(),
        candidate: decision.wanted.first().map(candidate),
        overlap: schedule.rules.overlap,
        counts_manual: schedule.rules.overlap_counts_manual,
    }
}

/// Settles one job under its lock.
async fn contend(conn: &mut PgConnection, due: Due, batch: &mut Batch) -> Result<(), StoreError> {
    let job = due.schedule.job_id;
    let settled = conn
        .transaction(async |conn| contend_locked(conn, &due).await)
        .await?;
    let Some((entries, cancelled)) = settled else {
        batch.superseded.push(job);
        return Ok(());
    };
    batch
        .settled
        .extend(entries.into_iter().map(|range| (job, range)));
    batch.cancelled.extend(cancelled);
    batch.move_on(due.schedule, &due.decision);
    Ok(())
}

type Settled = (Vec<Range>, Vec<Cancelled>);

async fn contend_locked(conn: &mut PgConnection, due: &Due) -> Result<Option<Settled>, StoreError> {
    let Due { schedule, decision } = due;
    let job = schedule.job_id;
    let locked = schedules::lock(conn, &[job]).await?;
    let stands = locked.first().is_some_and(|locked| {
        locked.revision.active
            && locked.revision.generation == schedule.generation
            && locked.observed_generation == schedule.generation
            && locked.next_at == Some(schedule.next_at)
    });
    if !stands {
        return Ok(None);
    }
    let counted = Triggered::counted_by(&schedule.rules);
    let queued = slots::queued(conn, job).await?;
    let busy = Busy {
        is_open: execs::has_open(conn, job, counted).await?,
        queued: queued.len(),
    };
    let resolution = overlap::resolve(schedule.rules.overlap, busy, &decision.wanted);
    if resolution.replaces {
        let replaced: Vec<_> = queued.iter().map(|slot| slot.first_at).collect();
        let outcome = SlotOutcome::Coalesced(CoalesceReason::Newer);
        slots::close(conn, job, &replaced, outcome).await?;
    }
    let cancelled = if resolution.cancels {
        execs::cancel_open(conn, job, counted, CANCELLED_BY).await?
    } else {
        Vec::new()
    };
    let single = |(at, outcome)| single(schedule.generation, at, outcome);
    let entries = decision.settled.iter().copied();
    let entries: Vec<Range> = entries
        .chain(resolution.fates.into_iter().map(single))
        .collect();
    slots::record(conn, job, &entries).await?;
    schedules::move_on(conn, job, decision.next_at, decision.due_at).await?;
    Ok(Some((entries, cancelled)))
}

fn single(generation: i64, at: DateTime<Utc>, outcome: SlotOutcome) -> Range {
    Range {
        generation,
        first_at: at,
        last_at: at,
        count: 1,
        outcome,
    }
}

impl Batch {
    fn take(&mut self, due: Due, moved: Moved) {
        let Due { schedule, decision } = due;
        let job = schedule.job_id;
        let settled = decision.settled.iter().copied();
        self.settled.extend(settled.map(|range| (job, range)));
        match (moved.fired, decision.wanted.first()) {
            (Some(fired), Some(wanted)) => {
                let due_at = wanted.slot_at + schedule.rules.delay(job);
                let due_at = Some(due_at).filter(|_| wanted.lane == Lane::Normal);
                self.fired.push((fired, due_at));
            }
            (None, Some(wanted)) => {
                let outcome = SlotOutcome::Skipped(SkipReason::Overlap);
                let skipped = single(schedule.generation, wanted.slot_at, outcome);
                self.settled.push((job, skipped));
            }
            _ => {}
        }
        self.move_on(schedule, &decision);
    }

    fn move_on(&mut self, schedule: Upcoming, decision: &Decision) {
        if let (Some(next_at), Some(due_at)) = (decision.next_at, decision.due_at) {
            self.upcoming.push(Upcoming {
                next_at,
                due_at,
                ..schedule
            });
        }
    }
}
