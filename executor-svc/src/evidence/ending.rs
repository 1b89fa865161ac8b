//! How a pod that is over ended.

use chrono::{DateTime, TimeDelta, Utc};
use cluster::instant;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use shared_types::Reason;

use super::{Ending, EndingKind, Evidence};
use crate::manifest::log_proof;
use crate::pod::condition;

/// Reasons of a container whose end nobody saw: the kubelet cannot find it, or its runtime
/// was away (containerd's "Unknown"). The exit codes with them are made up.
const FORGOTTEN: [&str; 2] = ["ContainerStatusUnknown", "Unknown"];

/// Reason of a container in which the kernel killed a process for its use of memory.
const OUT_OF_MEMORY: &str = "OOMKilled";

/// Reads a pod whose phase is final.
pub(super) fn ending(pod: &Pod, state: &ContainerState) -> Ending {
    let exit = state.terminated.clone().unwrap_or_default();
    let (kind, reason, message) = verdict(pod, state, &exit);
    let forgotten = FORGOTTEN.contains(&exit.reason.as_deref().unwrap_or_default());
    let known = state.terminated.is_some() && !forgotten;
    Ending {
        kind,
        reason,
        message,
        exit_code: known.then_some(exit.exit_code),
        started_at: real_start(state),
        finished_at: exit
            .finished_at
            .as_ref()
            .and_then(instant)
            .filter(after_1970),
    }
}

/// Reads a pod whose program exited, while its phase is not final: the node takes a second
/// or two. Exit code 0 before any time limit cannot be read in another way by then.
pub(super) fn early(pod: &Pod, state: &ContainerState) -> Evidence {
    let ending = ending(pod, state);
    if ending.kind == EndingKind::Succeeded && ended_before_its_limit(pod, &ending) == Some(true) {
        Evidence::Ended(ending)
    } else {
        Evidence::Exiting(ending)
    }
}

fn ended_before_its_limit(pod: &Pod, ending: &Ending) -> Option<bool> {
    let limit = TimeDelta::seconds(pod.spec.as_ref()?.active_deadline_seconds?);
    let begun = instant(pod.status.as_ref()?.start_time.as_ref()?)?;
    Some(ending.finished_at? - begun < limit)
}

fn verdict(
    pod: &Pod,
    state: &ContainerState,
    exit: &ContainerStateTerminated,
) -> (EndingKind, Reason, String) {
    use EndingKind as K;
    let exit_reason = exit.reason.as_deref().unwrap_or_default();
    let told = PodTold::of(pod);
    if told.reason == "DeadlineExceeded" {
        return (
            K::Stopped,
            Reason::Timeout,
            "the time limit was over".to_owned(),
        );
    }
    if is_start_error(exit_reason) || could_not_start(pod, exit) {
        let detail = exit.message.as_deref().unwrap_or(exit_reason);
        let message = format!("the command could not be started: {detail}");
        return (K::Failed, Reason::StartError, message);
    }
    if state.running.is_some() {
        let message = "the node is gone and took the outcome with it".to_owned();
        return (K::Unknown, Reason::NodeLost, message);
    }
    if state.terminated.is_none() {
        let reason = match told.disruption {
            _ if told.evicted => Reason::Evicted,
            Some(_) => Reason::Disrupted,
            None => Reason::RejectedByNode,
        };
        let message = match super::before_main(pod).and_then(failure) {
            Some(failure) => format!("log-proof could not be put into the pod: {failure}"),
            None => format!(
                "the node did not start the program: {} {}",
                told.reason, told.message
            ),
        };
        return (K::NeverStarted, reason, message.trim_end().to_owned());
    }
    if exit.exit_code == 0 {
        let message = if exit_reason == OUT_OF_MEMORY {
            "exit code 0, although one of its processes was killed for its use of memory"
        } else {
            "exit code 0"
        };
        return (K::Succeeded, Reason::Completed, message.to_owned());
    }
    match told.ended_by_platform() {
        Some((reason, message)) => (K::Failed, reason, message),
        None => exit_verdict(pod, exit),
    }
}

/// What the pod as a whole says about its end.
struct PodTold<'a> {
    reason: &'a str,
    message: &'a str,
    /// Reason of the `DisruptionTarget` condition.
    disruption: Option<&'a str>,
    evicted: bool,
}

impl<'a> PodTold<'a> {
    fn of(pod: &'a Pod) -> Self {
        let status = pod.status.as_ref();
        let reason = status
            .and_then(|status| status.reason.as_deref())
            .unwrap_or_default();
        let target = condition(pod, "DisruptionTarget").filter(|found| found.status == "True");
        let disruption = target.map(|found| found.reason.as_deref().unwrap_or_default());
        Self {
            reason,
            message: status
                .and_then(|status| status.message.as_deref())
                .unwrap_or_default(),
            disruption,
            // The pod's own reason may be missing (kubernetes/kubernetes#105467).
            evicted: reason == "Evicted" || disruption == Some("TerminationByKubelet"),
        }
    }

    fn ended_by_platform(&self) -> Option<(Reason, String)> {
        if self.evicted {
            return Some((
                Reason::Evicted,
                format!("the node evicted the pod: {}", self.message),
            ));
        }
        if let Some(by) = self.disruption {
            return Some((
                Reason::Disrupted,
                format!("the platform ended the pod ({by})"),
            ));
        }
        matches!(self.reason, "Terminated" | "NodeShutdown")
            .then(|| (Reason::Disrupted, "the node was shut down".to_owned()))
    }
}

fn exit_verdict(pod: &Pod, exit: &ContainerStateTerminated) -> (EndingKind, Reason, String) {
    use EndingKind as K;
    let code = exit.exit_code;
    match exit.reason.as_deref().unwrap_or_default() {
        reason if FORGOTTEN.contains(&reason) => (
            K::Unknown,
            Reason::ExitUnknown,
            "the node forgot how the program ended".to_owned(),
        ),
        OUT_OF_MEMORY => (
            K::Failed,
            Reason::Oom,
            "the program used more memory than its size has".to_owned(),
        ),
        _ if matches!(code, 137 | 143) && was_deleted_while_running(pod, exit) => {
            let message = format!("the pod was deleted while the program ran (exit code {code})");
            (K::Failed, Reason::Disrupted, message)
        }
        _ => (K::Failed, Reason::ExitCode, format!("exit code {code}")),
    }
}

/// The deletion timestamp is the moment of the request plus the grace.
fn was_deleted_while_running(pod: &Pod, exit: &ContainerStateTerminated) -> bool {
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    let due = pod.metadata.deletion_timestamp.as_ref().and_then(instant);
    let finished = exit.finished_at.as_ref().and_then(instant);
    matches!((due, finished), (Some(due), Some(finished))
        if due - TimeDelta::seconds(grace) <= finished)
}

/// The runtime reports 1970 for a container that was made and never started.
fn real_start(state: &ContainerState) -> Option<DateTime<Utc>> {
    let terminated = state.terminated.as_ref();
    let exited =
        terminated.filter(|exit| !is_start_error(exit.reason.as_deref().unwrap_or_default()));
    let started = exited
        .and_then(|exit| exit.started_at.as_ref())
        .or_else(|| state.running.as_ref()?.started_at.as_ref());
    started.and_then(instant).filter(after_1970)
}

fn after_1970(at: &DateTime<Utc>) -> bool {
    at.timestamp() > 0
}

/// What `log-proof` says of a program that it cannot start.
fn could_not_start(pod: &Pod, exit: &ContainerStateTerminated) -> bool {
    let message = exit.message.as_deref().unwrap_or_default();
    log_proof::is_before(pod)
        && matches!(exit.exit_code, 126 | 127)
        && message.starts_with("log-proof: ")
}

fn failure(status: &ContainerStatus) -> Option<String> {
    let ended = status.state.as_ref()?.terminated.as_ref()?;
    let said = [&ended.reason, &ended.message].into_iter().flatten();
    let said: Vec<_> = said.map(String::as_str).collect();
    (ended.exit_code != 0).then(|| format!("exit code {} {}", ended.exit_code, said.join(" ")))
}

fn is_start_error(reason: &str) -> bool {
    matches!(reason, "StartError" | "ContainerCannotRun")
}
