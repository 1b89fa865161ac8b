//! Decisions about what is left in the cluster of an attempt that is over. Each
//! pod is let go by the owners of its finalizers, or after a bound that is
//! recorded; then the Job goes.

use chrono::{DateTime, Utc};
use cluster::names::{LOGS_FINALIZER, OUTCOME_FINALIZER};
use shared_types::ExecState;
use store::lifecycle::Attempt;

use super::{Facts, Step, claimed, passed};
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
        pods.any(|pod| pod.holds(OUTCOME_FINALIZER) || pod.holds(LOGS_FINALIZER))
    };
    for job in facts.view.jobs.iter().filter(|job| over(job.attempt)) {
        if !job.deleting && !held(job.attempt) {
            return Step::DeleteJob(job.clone());
        }
        waits = true;
    }
    if waits { Step::Wait } else { Step::Done }
}

/// The next step for a pod of an attempt that is over; `Done` if it holds
/// nothing of ours.
fn let_go(facts: &Facts<'_>, pod: &ObservedPod) -> Step {
    let rows = &facts.exec.attempts;
    let row = rows.iter().find(|row| row.attempt == pod.attempt);
    let over_at = over_at(facts, row);
    let lost = facts.exec.state == ExecState::Lost && pod.attempt == facts.exec.attempt;
    if pod.holds(OUTCOME_FINALIZER) && (!lost || passed(facts, over_at, facts.limits.lost_hold)) {
        return Step::Release(pod.pod.clone(), OUTCOME_FINALIZER);
    }
    if pod.holds(LOGS_FINALIZER) && passed(facts, over_at, facts.limits.log_hold) {
        return match row {
            Some(row) if row.logs_abandoned_at.is_none() => Step::AbandonLogs(row.attempt),
            _ => Step::Release(pod.pod.clone(), LOGS_FINALIZER),
        };
    }
    if pod.holds(OUTCOME_FINALIZER) || pod.holds(LOGS_FINALIZER) {
        Step::Wait
    } else {
        Step::Done
    }
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
    let ripe = |since: DateTime<Utc>| {
        chrono::TimeDelta::from_std(limits.orphan_quarantine)
            .is_ok_and(|limit| now - since >= limit)
    };
    let mut jobs = view.jobs.iter().filter(|job| !job.deleting);
    if let Some(job) = jobs.find(|job| ripe(job.created_at)) {
        return Step::DeleteJob(job.clone());
    }
    // The Job's deletion stops its pods; one that still runs keeps its finalizers
    // until it has ended.
    for pod in view.pods.iter().filter(|pod| ripe(pod.placed_at)) {
        if !matches!(pod.evidence, Evidence::Ended(_)) {
            continue;
        }
        for finalizer in [OUTCOME_FINALIZER, LOGS_FINALIZER] {
            if pod.holds(finalizer) {
                return Step::Release(pod.pod.clone(), finalizer);
            }
        }
    }
    if view.is_empty() {
        Step::Done
    } else {
        Step::Wait
    }
}
