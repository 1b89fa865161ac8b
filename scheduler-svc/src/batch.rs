//! Fires the due schedules of a batch in one transaction: lock the rows, ask
//! the pure function, write execs, ledger and next instants.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use recurrence::Recurrence;
use shared_types::{ExecId, JobId, TriggerMode};
use store::execs::{self, NewExec};
use store::schedules::{self, RunTemplate, Schedule, Upcoming};
use store::slots::{self, MissReason, SkipReason, Slot, SlotOutcome};
use store::{AsyncConnection, PgConnection, StoreError};

use crate::firing::{self, Firing, Latest, Release};

/// What a transaction wrote.
#[derive(Debug, Default)]
pub struct Batch {
    /// New entries of the ledger.
    pub slots: Vec<Slot>,
    /// New execs.
    pub execs: Vec<NewExec>,
    /// Instants to wait for, of every schedule that was looked at.
    pub upcoming: Vec<Upcoming>,
    /// Schedules that were due no more: another replica or an edit was first.
    pub superseded: usize,
}

/// Fires what is due at `now` among these jobs' schedules.
pub async fn fire(
    conn: &mut PgConnection,
    jobs: &[JobId],
    now: DateTime<Utc>,
) -> Result<Batch, StoreError> {
    conn.transaction(async |conn| {
        let locked = schedules::lock(conn, jobs).await?;
        let (due, not_due): (Vec<Schedule>, _) = locked
            .into_iter()
            .partition(|schedule| is_due(schedule, now));
        let mut batch = Batch {
            superseded: jobs.len() - due.len(),
            upcoming: not_due.iter().filter_map(upcoming).collect(),
            ..Batch::default()
        };
        if due.is_empty() {
            return Ok(batch);
        }
        let moves = settle(conn, &due, now, &mut batch).await?;
        if !batch.execs.is_empty() {
            execs::insert(conn, &batch.execs).await?;
        }
        if !batch.slots.is_empty() {
            slots::insert(conn, &batch.slots).await?;
        }
        schedules::advance(conn, &moves).await?;
        Ok(batch)
    })
    .await
}

/// Adds what becomes of the due schedules to `batch`; answers where they move.
async fn settle(
    conn: &mut PgConnection,
    due: &[Schedule],
    now: DateTime<Utc>,
    batch: &mut Batch,
) -> Result<Vec<(JobId, Option<DateTime<Utc>>)>, StoreError> {
    let jobs: Vec<JobId> = due.iter().map(|schedule| schedule.job_id).collect();
    let open: HashSet<JobId> = schedules::with_open_exec(conn, &jobs)
        .await?
        .into_iter()
        .collect();
    let mut templates: HashMap<JobId, RunTemplate> = schedules::run_templates(conn, &jobs)
        .await?
        .into_iter()
        .map(|template| (template.job_id, template))
        .collect();
    let mut moves = Vec::with_capacity(due.len());
    for schedule in due {
        let job_id = schedule.job_id;
        // A deleted job plans nothing more.
        let Some(template) = templates.remove(&job_id) else {
            moves.push((job_id, None));
            continue;
        };
        let Some(firing) = decide(schedule, now, open.contains(&job_id))? else {
            continue;
        };
        batch
            .upcoming
            .extend(firing.next_at.map(|at| Upcoming { at, job_id }));
        moves.push((job_id, firing.next_at));
        record(batch, schedule, &firing, template);
    }
    Ok(moves)
}

fn is_due(schedule: &Schedule, now: DateTime<Utc>) -> bool {
    upcoming(schedule).is_some_and(|upcoming| upcoming.at <= now)
}

/// What this generation waits for; nothing before it is planned.
fn upcoming(schedule: &Schedule) -> Option<Upcoming> {
    let is_live = schedule.active && schedule.generation == schedule.observed_generation;
    let at = schedule.next_at.filter(|_| is_live)?;
    Some(Upcoming {
        at,
        job_id: schedule.job_id,
    })
}

fn decide(
    schedule: &Schedule,
    now: DateTime<Utc>,
    has_open_exec: bool,
) -> Result<Option<Firing>, StoreError> {
    let (Some(next_at), Some(mode)) = (schedule.next_at, &schedule.mode) else {
        return Ok(None);
    };
    // It was read when it was planned, so another version must have planned it.
    let recurrence = Recurrence::parse(mode).map_err(|error| StoreError::Unknown {
        what: "schedule",
        value: format!("{mode}: {error}"),
    })?;
    Ok(firing::fire(&recurrence, next_at, now, has_open_exec))
}

fn record(batch: &mut Batch, schedule: &Schedule, firing: &Firing, template: RunTemplate) {
    let entry = |first_at, last_at, count, outcome| Slot {
        job_id: schedule.job_id,
        generation: schedule.generation,
        first_at,
        last_at,
        count,
        outcome,
    };
    if let Some(missed) = firing.missed {
        let outcome = SlotOutcome::Missed(MissReason::SchedulerAway);
        batch.slots.push(entry(
            missed.first_at,
            missed.last_at,
            missed.count,
            outcome,
        ));
    }
    if let Some(Latest { at, release }) = firing.latest {
        let outcome = match release {
            Release::Overlap => SlotOutcome::Skipped(SkipReason::Overlap),
            Release::Fire => {
                let id = ExecId::new();
                batch.execs.push(exec(id, at, template));
                SlotOutcome::Fired(id)
            }
        };
        batch.slots.push(entry(at, at, 1, outcome));
    }
}

fn exec(id: ExecId, slot_at: DateTime<Utc>, template: RunTemplate) -> NewExec {
    NewExec {
        id,
        job_id: template.job_id,
        namespace: template.namespace,
        region: template.region,
        trigger_mode: TriggerMode::Scheduled,
        slot_at: Some(slot_at),
        created_by: template.created_by,
        spec: template.spec,
    }
}
