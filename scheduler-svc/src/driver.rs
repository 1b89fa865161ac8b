//! The loop around [`Scheduler::step`]: it waits for the alarm, announces what
//! was committed, and passes on what it hears of edits, ended execs, shards and
//! the clock.

use std::time::Instant;

use bus::{HintRoute, Hints, Publisher};
use chassis::{Backoff, Latch};
use chrono::{DateTime, TimeDelta, Utc};
use shared_types::Shards;
use shared_types::message::Hint;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::alarm::Alarm;
use crate::clock::ClockWatch;
use crate::scheduler::{Requested, Scheduler, Step};

/// What the loop talks to.
#[derive(Debug)]
pub struct Surroundings {
    /// Announces execs to executors.
    pub publisher: Publisher,
    /// Tells of edited schedules and of execs that moved on.
    pub hints: Hints,
    /// The shards that are this replica's.
    pub shards: watch::Receiver<Shards>,
    /// Rings when something is due.
    pub alarm: Alarm,
    /// Released by the first step that succeeds.
    pub first_load: Latch,
    /// Ends the loop.
    pub stopping: CancellationToken,
}

/// Steps until `stopping`. A step that has begun is finished or timed out; what
/// it then committed unannounced, the executor's sweep finds.
pub async fn run(mut scheduler: Scheduler, surroundings: Surroundings) {
    let Surroundings {
        publisher,
        mut hints,
        mut shards,
        alarm,
        first_load,
        stopping,
    } = surroundings;
    let mut first_load = Some(first_load);
    let mut backoff = Backoff::default();
    let mut clock = ClockWatch::default();
    while !stopping.is_cancelled() {
        if let Some(step) = clock.look(Utc::now(), Instant::now()) {
            scheduler.clock_stepped(step);
        }
        let wake_at = match scheduler.step(Utc::now()).await {
            Ok(step) => {
                backoff.reset();
                drop(first_load.take());
                announce(&publisher, &step);
                step.wake_at
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a step failed; loading again after a pause");
                after(backoff.next_delay())
            }
        };
        if wake_at <= Utc::now() {
            // Whatever else there is to hear is heard in the next pause.
            tokio::task::yield_now().await;
            continue;
        }
        alarm.set(wake_at);
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            Ok(()) = shards.changed() => scheduler.assign(*shards.borrow_and_update()),
            () = alarm.rung() => {}
            Some(hint) = hints.recv() => hear(&mut scheduler, &hint),
        }
    }
}

fn after(delay: std::time::Duration) -> DateTime<Utc> {
    Utc::now() + TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX)
}

fn hear(scheduler: &mut Scheduler, hint: &Hint) {
    match hint {
        Hint::ScheduleChanged { job_id } => scheduler.schedule_changed(*job_id, Utc::now()),
        Hint::ExecChanged { .. } => scheduler.exec_changed(Utc::now()),
        Hint::CancelRequested { .. } => {}
    }
}

fn announce(publisher: &Publisher, step: &Step) {
    // Sweeps find the rows of dropped announcements.
    for requested in &step.requested {
        let Requested {
            region, exec_id, ..
        } = requested;
        let _ = match requested.due_at {
            Some(due_at) => publisher.exec_due(region, *exec_id, due_at),
            None => publisher.exec_requested(region, *exec_id),
        };
    }
    for cancelled in &step.cancelled {
        let region = cancelled.region.clone();
        let exec_id = cancelled.id;
        let _ = publisher.hint(
            &Hint::CancelRequested { exec_id },
            &HintRoute::Cancel { region },
        );
    }
}
