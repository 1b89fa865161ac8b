//! What operators are told: metrics, and a log line for each thing that should
//! not happen.

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, gauge, histogram};
use shared_types::JobId;
use store::StoreError;
use store::schedules::Plan;
use store::slots::SlotOutcome;

use crate::batch::Batch;

/// Counts what a transaction did, and logs each missed range.
pub fn batch(batch: &Batch, committed_at: DateTime<Utc>) {
    counter!("escapement_schedule_superseded_total").increment(batch.superseded as u64);
    for slot in &batch.slots {
        let outcome = slot.outcome.as_str();
        counter!("escapement_slots_total", "outcome" => outcome)
            .increment(slot.count.unsigned_abs());
        match slot.outcome {
            SlotOutcome::Fired(_) => histogram!("escapement_schedule_lateness_seconds")
                .record((committed_at - slot.first_at).as_seconds_f64()),
            SlotOutcome::Skipped(_) => {}
            SlotOutcome::Missed(_) => tracing::warn!(
                job_id = slot.job_id.0,
                first_at = %slot.first_at,
                last_at = %slot.last_at,
                count = slot.count,
                "planned instants passed and were too old to be made up for"
            ),
        }
    }
}

/// Says why a schedule will not run.
pub fn plan(plan: &Plan) {
    if let Some(error) = &plan.error {
        tracing::warn!(job_id = plan.job_id.0, error, "a schedule cannot be read");
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

/// How many instants are held in memory.
pub fn upcoming(count: usize) {
    gauge!("escapement_schedule_upcoming").set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

/// The offset between the clocks; told in the log when it is first known.
pub fn clock_offset(offset: TimeDelta, known: &mut Option<TimeDelta>) {
    gauge!("escapement_clock_offset_seconds").set(offset.as_seconds_f64());
    if known.replace(offset).is_none() {
        let milliseconds = offset.num_milliseconds();
        tracing::info!(milliseconds, "the database's clock minus the local one");
    }
}
