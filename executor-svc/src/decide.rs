//! What to do next about one exec: its rows and what the cluster shows go in,
//! one step comes out. Pure and level-triggered, so it does not matter who asks
//! or how often.

mod claimed;
mod cleanup;
mod retrying;
mod starting;
mod stopping;
mod unclaimed;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::Pod;
use shared_types::{ExecEvent, Phase, Reason};
use store::lifecycle::{Attempt, End, Obstacle, Placement, Retry, Start, StopReason, Tracked};

use crate::config::Limits;
use crate::view::{ObservedJob, View};

pub use cleanup::decide_orphan;
pub use retrying::is_platforms;

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
        _ if exec.cancel_requested_at.is_some() => unclaimed::cancel(facts),
        Some(attempt) => unclaimed::decide(facts, attempt),
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
