//! Decisions about an attempt whose pod was claimed: from here on only that
//! pod's evidence ends the exec.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared_types::{ExecEvent, ExecState, Phase, Reason};
use store::lifecycle::{End, Start, StopReason};

use super::retrying::retry_or_end;
use super::starting::{starting, unscheduled};
use super::stopping::{running, stop};
use super::{Facts, Step, after, end, line, passed, tell};
use crate::evidence::{Ending, EndingKind, Evidence};
use crate::view::ObservedPod;

/// What a node that answers needs at most to say that a pod is gone, after its grace.
const LATENESS: Duration = Duration::from_secs(30);

pub(super) fn decide(facts: &Facts<'_>, uid: &str) -> Step {
    let Some(pod) = facts.view.pod(uid) else {
        return gone(facts);
    };
    let started = is_running(facts) || matches!(pod.evidence, Evidence::Running(_));
    let cancelled = facts.exec.cancel_requested_at.is_some();
    let to_be_stopped = cancelled || verdict(facts).is_some_and(|why| holds(&why, started));
    match &pod.evidence {
        Evidence::Ended(ending) => {
            let started = is_running(facts) || ending.kind != EndingKind::NeverStarted;
            retry_or_end(facts, ended(facts, pod, ending), started)
        }
        // It says more than the silence of its node.
        Evidence::Exiting(ending) => exiting(facts, pod, ending),
        _ if node_is_silent(facts, pod) => lost(facts, pod),
        _ if is_running(facts) && node_is_late(facts, pod) => unreachable(facts, pod),
        Evidence::Gated | Evidence::Unscheduled(_) if to_be_stopped => {
            Step::Withdraw(pod.pod.clone())
        }
        _ if to_be_stopped => stop(facts, pod),
        Evidence::Gated => Step::Open(pod.pod.clone()),
        Evidence::Unscheduled(message) => unscheduled(facts, message.as_deref()),
        // A restarted kubelet may have forgotten what it runs.
        Evidence::Starting(_) | Evidence::Running(_) if is_running(facts) => running(facts),
        Evidence::Starting(obstacle) => starting(facts, pod, obstacle),
        Evidence::Running(at) => match start(facts, pod, *at) {
            Some(start) => Step::Start(facts.exec.attempt, start),
            None => Step::Wait,
        },
    }
}

/// Its node has the last word on how the exit is to be read; one that says nothing more for
/// long is gone, and then the exit stands as it is.
fn exiting(facts: &Facts<'_>, pod: &ObservedPod, ending: &Ending) -> Step {
    let since = ending.finished_at.unwrap_or(pod.placed_at);
    if !passed(facts, since, facts.limits.node_lost_after) {
        return Step::WaitUntil(after(since, facts.limits.node_lost_after));
    }
    let mut ending = ending.clone();
    if pod.stopping {
        ending.kind = EndingKind::Stopped;
    }
    retry_or_end(facts, ended(facts, pod, &ending), true)
}

fn is_running(facts: &Facts<'_>) -> bool {
    facts.exec.state == ExecState::Running
}

/// Why this attempt is being stopped, if it is.
fn verdict(facts: &Facts<'_>) -> Option<StopReason> {
    let attempt = facts
        .exec
        .current()
        .filter(|attempt| attempt.ended_at.is_none())?;
    Some(StopReason {
        reason: attempt.reason?,
        message: attempt.message.clone().unwrap_or_default(),
    })
}

/// Only a user and its time limit may stop a program that runs: any other verdict is
/// about its start.
fn holds(verdict: &StopReason, started: bool) -> bool {
    !started || verdict.reason == Reason::Timeout
}

/// The claimed pod is nowhere.
fn gone(facts: &Facts<'_>) -> Step {
    let end = if facts.exec.cancel_requested_at.is_some() {
        let message = "its pod was gone before its end was seen";
        end(
            facts,
            ExecEvent::Cancelled,
            Reason::CancelledByUser,
            message,
        )
    } else if let Some(verdict) = verdict(facts).filter(|why| holds(why, is_running(facts))) {
        end(facts, ExecEvent::Failed, verdict.reason, verdict.message)
    } else {
        let message = "the pod is gone and nobody saw how it ended";
        let end = end(facts, ExecEvent::Vanished, Reason::PodVanished, message);
        return retry_or_end(facts, end, true);
    };
    // Nobody saw it stop, so it is no failure whose end is known.
    Step::End(Box::new(end))
}

/// It is being deleted, and its node has not answered for long.
fn node_is_silent(facts: &Facts<'_>, pod: &ObservedPod) -> bool {
    pod.deletion_due
        .is_some_and(|due| passed(facts, due, facts.limits.node_lost_after))
}

/// It should have been gone for a while.
fn node_is_late(facts: &Facts<'_>, pod: &ObservedPod) -> bool {
    pod.deletion_due
        .is_some_and(|due| passed(facts, due, LATENESS))
}

fn unreachable(facts: &Facts<'_>, pod: &ObservedPod) -> Step {
    let node = pod.node().unwrap_or_default();
    let message = format!("its pod is to be deleted and node {node} does not answer");
    tell(facts, Phase::NodeUnreachable, message)
}

fn lost(facts: &Facts<'_>, pod: &ObservedPod) -> Step {
    let message = "the node does not answer; the program may still run there";
    let mut end = end(facts, ExecEvent::Vanished, Reason::NodeLost, message);
    end.placement = pod.placement();
    retry_or_end(facts, end, true)
}

fn start(facts: &Facts<'_>, pod: &ObservedPod, at: DateTime<Utc>) -> Option<Start> {
    Some(Start {
        placement: pod.placement()?,
        // Kubernetes cuts instants to whole seconds, which may be before ours.
        at: at.max(facts.exec.created_at),
        line: "Start running!".to_owned(),
    })
}

fn ended(facts: &Facts<'_>, pod: &ObservedPod, ending: &Ending) -> End {
    // Unless it stopped the pod, a verdict is void once the program has started.
    let unstarted = !is_running(facts) && ending.started_at.is_none();
    let verdict = verdict(facts).filter(|_| pod.stopping || unstarted);
    let cancelled = facts.exec.cancel_requested_at.is_some();
    // What was to be stopped and did not is deleted in the end.
    let stopped = matches!(ending.kind, EndingKind::Stopped | EndingKind::NeverStarted)
        || (pod.stopping && ending.reason == Reason::Disrupted);
    let (event, reason, message) = match (ending.kind, verdict) {
        (EndingKind::Succeeded, _) => (ExecEvent::Succeeded, ending.reason, ending.message.clone()),
        _ if stopped && cancelled => {
            let message = match ending.exit_code {
                Some(code) => format!("by a user (exit code {code})"),
                None => "by a user".to_owned(),
            };
            (ExecEvent::Cancelled, Reason::CancelledByUser, message)
        }
        (_, Some(verdict)) if stopped => (ExecEvent::Failed, verdict.reason, verdict.message),
        (EndingKind::NeverStarted, _) if is_running(facts) => {
            let message = format!("it ran, but its node no longer knows: {}", ending.message);
            (ExecEvent::Vanished, Reason::ExitUnknown, message)
        }
        (EndingKind::NeverStarted | EndingKind::Failed | EndingKind::Stopped, _) => {
            (ExecEvent::Failed, ending.reason, ending.message.clone())
        }
        (EndingKind::Unknown, _) => (ExecEvent::Vanished, ending.reason, ending.message.clone()),
    };
    let mut end = end(facts, event, reason, message);
    end.line = line(event, &end.message);
    end.exit_code = ending.exit_code;
    end.at = ending.finished_at.unwrap_or(facts.now);
    // What succeeded has run, also if its node does not say since when.
    let started_at = ending
        .started_at
        .or((ending.kind == EndingKind::Succeeded).then_some(end.at));
    end.start = started_at.and_then(|at| start(facts, pod, at));
    end.placement = pod.placement();
    end
}

/// Late evidence about an exec that was given up as lost: the only correction
/// that an ended exec knows.
pub(super) fn correction(facts: &Facts<'_>) -> Option<Step> {
    let pod = facts.view.pod(facts.exec.current()?.pod_uid.as_deref()?)?;
    let Evidence::Ended(ending) = &pod.evidence else {
        return None;
    };
    let certain = matches!(
        ending.kind,
        EndingKind::Succeeded | EndingKind::Failed | EndingKind::Stopped
    );
    certain.then(|| Step::End(Box::new(ended(facts, pod, ending))))
}
