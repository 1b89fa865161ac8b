//! What operators are told: metrics, and a log line for each thing that should
//! not happen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, gauge, histogram};
use shared_types::JobId;
use store::StoreError;
use store::schedules::{Plan, Range};
use store::slots::SlotOutcome;

use crate::backfill::Filled;
use crate::batch::Batch;
use crate::queue::Released;

/// How long nothing more is said of a job's missed instants: a schedule that cannot be
/// kept up with would fill the log.
const SILENCE: Duration = Duration::from_mins(1);

/// What was said of missed instants, so that it is not said again at once.
#[derive(Debug, Default)]
pub struct Misses {
    told: HashMap<JobId, Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Missed since and not told yet.
    untold: i64,
}

impl Misses {
    /// The instants to tell of now, if it is time for it: these and those not told yet.
    fn due(&mut self, job: JobId, count: i64, now: Instant) -> Option<i64> {
        if let Some(told) = self.told.get_mut(&job)
            && now.duration_since(told.at) < SILENCE
        {
            told.untold += count;
            return None;
        }
        let before = self.told.insert(job, Told { at: now, untold: 0 });
        Some(count + before.map_or(0, |told| told.untold))
    }

    /// Forgets jobs of which everything has been told long ago.
    pub fn forget(&mut self, now: Instant) {
        let is_known = |told: &Told| told.untold > 0 || now.duration_since(told.at) < SILENCE;
        self.told.retain(|_, told| is_known(told));
    }
}

/// Counts what a batch did, and logs what was missed.
pub fn batch(batch: &Batch, committed_at: DateTime<Utc>, misses: &mut Misses) {
    counter!("escapement_schedule_superseded_total").increment(batch.superseded.len() as u64);
    fired(batch.fired.len());
    for due_at in batch.fired.iter().filter_map(|(_, due_at)| *due_at) {
        histogram!("escapement_schedule_commit_lateness_seconds")
            .record((committed_at - due_at).as_seconds_f64());
    }
    for (job, range) in &batch.settled {
        count_unfired(*job, range, misses);
    }
}

/// Says why a schedule will not run, and what became of earlier generations.
pub fn plan(plan: &Plan, misses: &mut Misses) {
    if let Some(error) = &plan.error {
        tracing::warn!(job_id = plan.job_id.0, error, "a schedule cannot be read");
    }
    for range in &plan.settled {
        count_unfired(plan.job_id, range, misses);
    }
}

/// Counts what waited and waits no more.
pub fn released(released: &Released, misses: &mut Misses) {
    fired(released.fired.len());
    for (job, range) in &released.settled {
        count_unfired(*job, range, misses);
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

fn count_unfired(job: JobId, range: &Range, misses: &mut Misses) {
    let labels = [
        ("outcome", range.outcome.as_str()),
        ("reason", range.outcome.reason().unwrap_or_default()),
    ];
    counter!("escapement_slots_total", &labels).increment(range.count.unsigned_abs());
    if let SlotOutcome::Missed(_) = range.outcome
        && let Some(count) = misses.due(job, range.count, Instant::now())
    {
        tracing::warn!(
            job_id = job.0,
            first_at = %range.first_at,
            last_at = %range.last_at,
            count,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_misses_is_told_once_a_minute_and_in_full() {
        let (mut misses, start) = (Misses::default(), Instant::now());
        let mut due = |job, second| {
            let now = start + Duration::from_secs(second);
            misses.due(JobId(job), 3, now)
        };
        let told: Vec<_> = (0..=60).filter_map(|second| due(1, second)).collect();
        assert_eq!(
            told,
            [3, 60 * 3],
            "the first at once, then those of a minute"
        );
        assert_eq!(due(2, 60), Some(3), "each job has its own minute");
        assert_eq!(due(1, 61), None);
        misses.forget(start + Duration::from_mins(10));
        assert_eq!(misses.told.len(), 1, "what is not told yet is kept");
    }
}
