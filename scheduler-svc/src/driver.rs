//! The loop around [`Scheduler::step`]: it waits, announces what was committed,
//! and passes hints on.

use std::time::Duration;

use bus::{Hints, Publisher};
use chassis::{Backoff, Latch};
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::scheduler::{Requested, Scheduler};

/// What the loop talks to.
#[derive(Debug)]
pub struct Surroundings {
    /// Announces execs to executors.
    pub publisher: Publisher,
    /// Tells of edited schedules.
    pub hints: Hints,
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
        first_load,
        stopping,
    } = surroundings;
    let mut first_load = Some(first_load);
    let mut backoff = Backoff::default();
    loop {
        let delay = match scheduler.step(Utc::now()).await {
            Ok(step) => {
                backoff.reset();
                drop(first_load.take());
                announce(&publisher, &step.requested);
                (step.wake_at - Utc::now())
                    .to_std()
                    .unwrap_or(Duration::ZERO)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a step failed; loading again after a pause");
                backoff.next_delay()
            }
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(delay) => {}
            Some(_) = hints.recv() => scheduler.hint(Utc::now()),
        }
    }
}

fn announce(publisher: &Publisher, requested: &[Requested]) {
    for Requested { region, exec_id } in requested {
        // The executor's sweep finds the rows of dropped announcements.
        let _ = publisher.exec_requested(region, *exec_id);
    }
}
