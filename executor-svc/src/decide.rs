//! What to do next about one exec: its rows and what the cluster shows go in,
//! one step comes out. Pure and level-triggered, so it does not matter who asks
//! or how often.

mod claimed;
mod cleanup;
mod retrying;
mod stopping;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::Pod;
use shared_types::{ExecEvent, Phase, Reason};
use store::lifecycle::{Attempt, End, Obstacle, Placement, Retry, Start, StopReason, Tracked};

use crate::config::Limits;
use crate::evidence::Evidence;
use crate::view::{ObservedJob, ObservedPod, View};

pub use cleanup::decide_orphan;

/// What the region's objects amount to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Jobs, in whatever state.
    pub jobs: usize,
    /// Pods, in whatever state.
    pub pods: usize,
    /// Ended pods whose log is not stored yet.
    pub unsealed: usize,
    /// Pods that hold room on a node.
    pub placed: usize,
}

/// Everything a decision may rest on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The exec's rows.
    pub exec: &'a Tracked,
    /// What the cluster shows of it.
    pub view: &'a View,
    /// What the cluster shows of all.
    pub load: Load,
    /// The deployment's limits.
    pub limits: &'a Limits,
    /// The time.
    pub now: DateTime<Utc>,
}

/// One step; each is safe to take twice.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Have it admitted when there is a place for it.
    Admit,
    /// Create this attempt's Job and store its uid.
    CreateJob(i32),
    /// The unclaimed attempt's Job of this uid is gone: forget it.
    ForgetJob(i32, String),
    /// Make this pod the one that may start the program.
    Claim(i32, Arc<Pod>),
    /// Open the gate of the claimed pod.
    Open(Arc<Pod>),
    /// Tell that the pod has a node.
    Place(i32, Placement),
    /// Tell that the program runs.
    Start(i32, Start),
    /// Tell what keeps the attempt from running.
    Tell(i32, Obstacle),
    /// Record why the attempt is going to be stopped.
    Condemn(i32, StopReason),
    /// Have the node stop the pod, which stays readable.
    Stop(Arc<Pod>),
    /// The same, provided that nothing about the pod changed: it has not started.
    StopUnstarted(Arc<Pod>),
    /// Delete the pod, provided that nothing about it changed: it has no node.
    Withdraw(Arc<Pod>),
    /// Delete the pod whatever it does.
    Delete(Arc<Pod>),
    /// End the exec.
    End(Box<End>),
    /// Give the attempt up for another.
    Retry(Box<Retry>),
    /// Record that this attempt's log is no longer waited for.
    AbandonLogs(i32),
    /// Take this finalizer off the pod.
    Release(Arc<Pod>, &'static str),
    /// Delete a Job and what is left of its pods.
    DeleteJob(ObservedJob),
    /// Nothing, until something changes or time passes.
    Wait,
    /// Nothing, until something changes or this instant has come.
    WaitUntil(DateTime<Utc>),
    /// Nothing, for good.
    Done,
}

impl Step {
    /// Its name in logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::CreateJob(_) => "create_job",
            Self::ForgetJob(..) => "forget_job",
            Self::Claim(..) => "claim",
            Self::Open(_) => "open",
            Self::Place(..) => "place",
            Self::Start(..) => "start",
            Self::Tell(..) => "tell",
            Self::Condemn(..) => "condemn",
            Self::Stop(_) => "stop",
            Self::StopUnstarted(_) => "stop_unstarted",
            Self::Withdraw(_) => "withdraw",
            Self::Delete(_) => "delete",
            Self::End(_) => "end",
            Self::Retry(_) => "retry",
            Self::AbandonLogs(_) => "abandon_logs",
            Self::Release(..) => "release",
            Self::DeleteJob(_) => "delete_job",
            Self::Wait | Self::WaitUntil(_) => "wait",
            Self::Done => "done",
        }
    }
}

/// The next step for an exec.
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Step {
    if facts.exec.state.is_terminal() {
        return cleanup::terminal(facts);
    }
    match cleanup::superseded(facts) {
        Step::Wait | Step::Done => open(facts),
        step => step,
    }
}

fn open(facts: &Facts<'_>) -> Step {
    let exec = facts.exec;
    match exec.current() {
        Some(Attempt {
            pod_uid: Some(uid), ..
        }) => claimed::decide(facts, uid),
        _ if exec.cancel_requested_at.is_some() => cancel_unclaimed(facts),
        Some(attempt) => match unclaimed(facts, attempt) {
            Step::Claim(number, pod) => Step::Claim(number, pod),
            Step::End(end) => Step::End(end),
            Step::Retry(retry) => Step::Retry(retry),
            step => overdue(facts, attempt).unwrap_or(step),
        },
        None => queued(facts),
    }
}

fn queued(facts: &Facts<'_>) -> Step {
    if !passed(facts, facts.exec.created_at, facts.limits.queue_deadline) {
        return Step::Admit;
    }
    let message = "it waited too long for its turn".to_owned();
    Step::End(Box::new(unstarted(facts, Reason::QueueTimeout, message)))
}

fn cancel_unclaimed(facts: &Facts<'_>) -> Step {
    let mut end = end(
        facts,
        ExecEvent::Cancelled,
        Reason::CancelledByUser,
        "before its start",
    );
    end.only_unclaimed = true;
    Step::End(Box::new(end))
}

/// Ends what could not be begun for so long, whatever it waits for: also while the cluster
/// does not answer, for no program of an unclaimed attempt ever starts.
fn overdue(facts: &Facts<'_>, attempt: &Attempt) -> Option<Step> {
    let since = attempt.not_before.unwrap_or(attempt.created_at);
    if !passed(facts, since, facts.limits.queue_deadline) {
        return None;
    }
    let obstacle = attempt.obstacle.as_ref();
    let reason = match obstacle.map(|obstacle| obstacle.phase) {
        Some(Phase::Claimed) => Reason::PodRefused,
        _ => Reason::QueueTimeout,
    };
    let why = obstacle.map_or("the cluster did not get as far as a pod", |obstacle| {
        &obstacle.message
    });
    let message = format!("it could not be started in time: {why}");
    Some(Step::End(Box::new(unstarted(facts, reason, message))))
}

fn unclaimed(facts: &Facts<'_>, attempt: &Attempt) -> Step {
    let job = facts.view.job(attempt.attempt);
    let (job, uid) = match (job, &attempt.job_uid) {
        (_, None) => return create(facts, attempt),
        (Some(job), Some(uid)) if job.uid == *uid => (job, uid),
        (_, Some(uid)) => return Step::ForgetJob(attempt.attempt, uid.clone()),
    };
    let made_by_it = |pod: &&ObservedPod| pod.job_uid.as_ref() == Some(uid);
    let mut pods = facts.view.pods.iter().filter(made_by_it).peekable();
    if job.deleting {
        return Step::Wait;
    }
    if let Some(failed) = &job.failed {
        let message = format!("Kubernetes gave the job up before its start: {failed}");
        return retrying::retry_or_end(facts, unstarted(facts, Reason::Disrupted, message), false);
    }
    let deadline = facts.limits.room_deadline(facts.load.pods);
    if pods.peek().is_none() && passed(facts, job.created_at, deadline) {
        let message = "Kubernetes made no pod for the job in time".to_owned();
        return retrying::retry_or_end(facts, unstarted(facts, Reason::PodRefused, message), false);
    }
    let gated = pods.find(|pod| pod.evidence == Evidence::Gated);
    match gated {
        // Without a reader logs would pile up on the nodes until they are lost.
        Some(pod) if facts.load.unsealed < facts.limits.unsealed_pods => {
            Step::Claim(attempt.attempt, pod.pod.clone())
        }
        Some(_) => {
            let message = "as many ended pods of the region as may be wait for their logs to be \
                           stored";
            tell(facts, Phase::Gated, message.to_owned())
        }
        None => Step::Wait,
    }
}

/// Waits, and says what for where that was not said yet.
fn tell(facts: &Facts<'_>, phase: Phase, message: String) -> Step {
    let obstacle = Obstacle { phase, message };
    let told = facts
        .exec
        .current()
        .and_then(|attempt| attempt.obstacle.as_ref());
    if told == Some(&obstacle) {
        Step::Wait
    } else {
        Step::Tell(facts.exec.attempt, obstacle)
    }
}

fn create(facts: &Facts<'_>, attempt: &Attempt) -> Step {
    match attempt.not_before {
        Some(at) if facts.now < at => Step::WaitUntil(at),
        _ => Step::CreateJob(attempt.attempt),
    }
}

/// The platform failed before a pod was claimed.
fn unstarted(facts: &Facts<'_>, reason: Reason, message: String) -> End {
    End {
        only_unclaimed: true,
        ..end(facts, ExecEvent::Failed, reason, message)
    }
}

/// An end without a program.
fn end(facts: &Facts<'_>, event: ExecEvent, reason: Reason, message: impl Into<String>) -> End {
    let message = message.into();
    End {
        attempt: facts.exec.attempt,
        event,
        reason,
        line: line(event, &message),
        message,
        said: None,
        exit_code: None,
        at: facts.now,
        start: None,
        placement: None,
        only_unclaimed: false,
    }
}

/// The log's line about an end.
fn line(event: ExecEvent, message: &str) -> String {
    let word = match event {
        ExecEvent::Succeeded => return "Succeeded.".to_owned(),
        ExecEvent::Cancelled => "Cancelled",
        ExecEvent::Vanished => "Lost",
        ExecEvent::Failed | ExecEvent::Started | ExecEvent::Retried => "Failed",
    };
    format!("{word}: {}.", message.trim_end_matches(['.', '\n', ' ']))
}

fn passed(facts: &Facts<'_>, since: DateTime<Utc>, limit: Duration) -> bool {
    facts.now >= after(since, limit)
}

fn after(since: DateTime<Utc>, limit: Duration) -> DateTime<Utc> {
    let limit = TimeDelta::from_std(limit).ok();
    limit
        .and_then(|limit| since.checked_add_signed(limit))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
