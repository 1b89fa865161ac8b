//! Decisions about what is left in the cluster of an attempt that is over. Each
//! pod is let go by the owners of its finalizers, or after a bound that is
//! recorded; then the Job goes.

use chrono::{DateTime, Utc};
use cluster::names::{LOGS_FINALIZER, OUTCOME_FINALIZER};
use shared_types::ExecState;
use store::lifecycle::Attempt;

use super::{Facts, Step, after, claimed, passed};
use crate::config::Limits;
use crate::evidence::Evidence;
use crate::view::{ObservedPod, View};

/// The exec has ended, so all its attempts have.
pub(super) fn terminal(facts: &Facts<'_>) -> Step {
    if facts.exec.state == ExecState::Lost
        && let Some(step) = claimed::correction(facts)
    {
        return step;
    }
    attempts(facts, |_| true)
}

/// Attempts before the current one.
pub(super) fn superseded(facts: &Facts<'_>) -> Step {
    attempts(facts, |attempt| attempt < facts.exec.attempt)
}

fn attempts(facts: &Facts<'_>, over: impl Fn(i32) -> bool) -> Step {
    let mut waits = false;
    for pod in facts.view.pods.iter().filter(|pod| over(pod.attempt)) {
        match let_go(facts, pod) {
            Step::Wait => waits = true,
            Step::Done => {}
            step => return step,
        }
    }
    let held = |attempt: i32| {
        let mut pods = facts.view.pods.iter().filter(|pod| pod.attempt == attempt);
        pods.any(is_held)
    };
    for job in facts.view.jobs.iter().filter(|job| over(job.attempt)) {
        if !job.deleting && !held(job.attempt) {
            return Step::DeleteJob(job.clone());
        }
        waits = true;
    }
    let mut pods = facts.view.pods.iter();
    if let Some(pod) = pods.find(|pod| over(pod.attempt) && is_left(pod)) {
        return Step::Delete(pod.pod.clone());
    }
    if waits { Step::Wait } else { Step::Done }
}

fn is_held(pod: &ObservedPod) -> bool {
    pod.holds(OUTCOME_FINALIZER) || pod.holds(LOGS_FINALIZER)
}

/// Whether nobody else is going to remove the pod: its Job was deleted without it.
fn is_left(pod: &ObservedPod) -> bool {
    pod.job_uid.is_none() && pod.deletion_due.is_none() && !is_held(pod)
}

/// The next step for a pod of an attempt that is over; `Done` if it holds
/// nothing of ours.
fn let_go(facts: &Facts<'_>, pod: &ObservedPod) -> Step {
    let rows = &facts.exec.attempts;
    let row = rows.iter().find(|row| row.attempt == pod.attempt);
    let over_at = over_at(facts, row);
    // A pod that is over has nothing more to say.
    let may_tell_more = facts.exec.state == ExecState::Lost
        && pod.attempt == facts.exec.attempt
        && !matches!(pod.evidence, Evidence::Ended(_));
    let waited = passed(facts, over_at, facts.limits.lost_hold);
    if pod.holds(OUTCOME_FINALIZER) && (!may_tell_more || waited) {
        return Step::Release(pod.pod.clone(), OUTCOME_FINALIZER);
    }
    if pod.holds(LOGS_FINALIZER) && passed(facts, over_at, facts.limits.log_hold) {
        return match row {
            Some(row) if row.logs_abandoned_at.is_none() => Step::AbandonLogs(row.attempt),
            _ => Step::Release(pod.pod.clone(), LOGS_FINALIZER),
        };
    }
    if is_held(pod) { Step::Wait } else { Step::Done }
}

/// When its end was recorded, so that an outage does not use up what is granted
/// to those who may have been out too.
fn over_at(facts: &Facts<'_>, row: Option<&Attempt>) -> DateTime<Utc> {
    let own = row.and_then(|row| row.settled_at);
    own.or(facts.exec.ended_at).unwrap_or(facts.now)
}

/// The next step for objects of ours whose exec has no row: left alone for a
/// while, because somebody may be restoring the database.
#[must_use]
pub fn decide_orphan(view: &View, limits: &Limits, now: DateTime<Utc>) -> Step {
    let ripe = |since| now >= after(since, limits.orphan_quarantine);
    let mut jobs = view.jobs.iter().filter(|job| !job.deleting);
    if let Some(job) = jobs.find(|job| ripe(job.created_at)) {
        return Step::DeleteJob(job.clone());
    }
    // The Job's deletion stops its pods; one that still runs keeps its finalizers
    // until it has ended, or its node is silent.
    for pod in view.pods.iter().filter(|pod| ripe(pod.placed_at)) {
        let silent = pod
            .deletion_due
            .is_some_and(|due| now >= after(due, limits.node_lost_after));
        let over = silent || matches!(pod.evidence, Evidence::Ended(_));
        for finalizer in [OUTCOME_FINALIZER, LOGS_FINALIZER] {
            if over && pod.holds(finalizer) {
                return Step::Release(pod.pod.clone(), finalizer);
            }
        }
        if pod.job_uid.is_none() && pod.deletion_due.is_none() {
            return Step::Delete(pod.pod.clone());
        }
    }
    if view.is_empty() {
        Step::Done
    } else {
        Step::Wait
    }
}
