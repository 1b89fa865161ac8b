//! When a program's time is over, and how a pod is stopped.

use chrono::{DateTime, TimeDelta, Utc};
use humantime_serde::re::humantime::format_duration;
use shared_types::Reason;
use store::lifecycle::{Attempt, StopReason};

use super::{Facts, Step, after};
use crate::view::ObservedPod;

/// Has the node stop the pod, and deletes what does not stop.
pub(super) fn stop(facts: &Facts<'_>, pod: &ObservedPod) -> Step {
    let has_run_out = facts
        .exec
        .current()
        .and_then(|attempt| run_deadline(facts, attempt));
    let asked_at = facts.exec.cancel_requested_at.or(has_run_out);
    if !pod.stopping {
        return match asked_at {
            Some(_) => Step::Stop(pod.pod.clone()),
            None => Step::StopUnstarted(pod.pod.clone()),
        };
    }
    let limits = facts.limits;
    let patience = pod.grace_period() + limits.stop_patience;
    let until = match asked_at {
        Some(at) => after(at, patience),
        // A verdict keeps no time of its own; none about a start is later than this.
        None => after(pod.placed_at, limits.pull_deadline + patience),
    };
    match pod.deletion_due {
        None if facts.now >= until => Step::Delete(pod.pod.clone()),
        _ => Step::Wait,
    }
}

/// Until when the program may run; none before its start.
fn run_deadline(facts: &Facts<'_>, attempt: &Attempt) -> Option<DateTime<Utc>> {
    let limit = facts.limits.run_limit(&attempt.rules);
    // Kubernetes cuts off the fraction of a second, and the node's clock may be slow.
    let started_at = attempt.started_at? + TimeDelta::seconds(1);
    Some(after(started_at.max(attempt.start_recorded_at?), limit))
}

/// What a program that runs waits for: its end, or that of its time.
pub(super) fn running(facts: &Facts<'_>) -> Step {
    let Some(attempt) = facts.exec.current() else {
        return Step::Wait;
    };
    match run_deadline(facts, attempt) {
        Some(deadline) if facts.now >= deadline => {
            let limit = facts.limits.run_limit(&attempt.rules);
            let message = format!("it ran longer than {}", format_duration(limit));
            let reason = Reason::Timeout;
            Step::Condemn(attempt.attempt, StopReason { reason, message })
        }
        Some(deadline) => Step::WaitUntil(deadline),
        None => Step::Wait,
    }
}
