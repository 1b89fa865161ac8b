//! What operators are told: metrics, and a log line for each thing that should
//! not happen.

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, gauge, histogram};
use shared_types::JobId;
use store::StoreError;
use store::leases::Tenure;
use store::schedules::{Plan, Range};
use store::slots::SlotOutcome;

use crate::backfill::Filled;
use crate::batch::Batch;
use crate::queue::Released;

/// Counts what a batch did, and logs each missed range.
pub fn batch(batch: &Batch, committed_at: DateTime<Utc>) {
    counter!("escapement_schedule_superseded_total").increment(batch.superseded.len() as u64);
    fired(batch.fired.len());
    for due_at in batch.fired.iter().filter_map(|(_, due_at)| *due_at) {
        histogram!("escapement_schedule_commit_lateness_seconds")
            .record((committed_at - due_at).as_seconds_f64());
    }
    for (job, range) in &batch.settled {
        settled(*job, range);
    }
}

/// Says why a schedule will not run, and what became of earlier generations.
pub fn plan(plan: &Plan) {
    if let Some(error) = &plan.error {
        tracing::warn!(job_id = plan.job_id.0, error, "a schedule cannot be read");
    }
    for range in &plan.settled {
        settled(plan.job_id, range);
    }
}

/// Counts what waited and waits no more.
pub fn released(released: &Released) {
    fired(released.fired.len());
    for (job, range) in &released.settled {
        settled(*job, range);
    }
}

/// Counts what was run after the fact.
pub fn filled(filled: &Filled) {
    fired(filled.fired.len());
}

fn fired(count: usize) {
    counter!("escapement_slots_total", "outcome" => "fired", "reason" => "")
        .increment(count as u64);
}

fn settled(job: JobId, range: &Range) {
    let labels = [
        ("outcome", range.outcome.as_str()),
        ("reason", range.outcome.reason().unwrap_or_default()),
    ];
    counter!("escapement_slots_total", &labels).increment(range.count.unsigned_abs());
    if let SlotOutcome::Missed(_) = range.outcome {
        tracing::warn!(
            job_id = job.0,
            first_at = %range.first_at,
            last_at = %range.last_at,
            count = range.count,
            reason = range.outcome.reason(),
            "planned instants were missed"
        );
    }
}

/// The database refused a batch.
pub fn refused(size: usize, error: &StoreError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(size, error, "a batch was refused; firing one by one");
}

/// The database refused one schedule's firing.
pub fn held(job: JobId, error: &StoreError) {
    counter!("escapement_schedule_held_total").increment(1);
    let error = error as &dyn std::error::Error;
    tracing::error!(job_id = job.0, error, "a schedule cannot be fired; put off");
}

/// How many schedules are held in memory, and how many of them are overdue.
pub fn upcoming(count: usize, due: usize) {
    gauge!("escapement_schedule_upcoming").set(number(count));
    gauge!("escapement_schedule_due").set(number(due));
}

/// What this replica has to do.
pub fn tenure(tenure: &Tenure) {
    gauge!("escapement_shards_owned").set(number(tenure.shards.len()));
    gauge!("escapement_members").set(number(tenure.members));
}

/// The offset between the clocks; told in the log when it is first known.
pub fn clock_offset(offset: TimeDelta, known: &mut Option<TimeDelta>) {
    gauge!("escapement_clock_offset_seconds").set(offset.as_seconds_f64());
    if known.replace(offset).is_none() {
        let milliseconds = offset.num_milliseconds();
        tracing::info!(milliseconds, "the database's clock minus the local one");
    }
}

/// This machine's clock was set.
pub fn clock_step(by: TimeDelta) {
    let direction = if by > TimeDelta::zero() {
        "forwards"
    } else {
        "backwards"
    };
    counter!("escapement_clock_steps_total", "direction" => direction).increment(1);
    let milliseconds = by.num_milliseconds();
    tracing::warn!(milliseconds, "this machine's clock was set; loading again");
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
