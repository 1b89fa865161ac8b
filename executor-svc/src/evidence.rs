//! What one pod shows of its program. The order of the tests is part of the
//! contract: the first that fits wins.

mod ending;

use chrono::{DateTime, Utc};
use cluster::{instant, names};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use shared_types::Reason;

use crate::pod::{condition, gate};
use crate::pull::PullFailure;

/// What a pod shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It waits at our gate: nobody claimed it.
    Gated,
    /// It has no node; the scheduler's word on why not.
    Unscheduled(Option<String>),
    /// Its node has not started the program yet.
    Starting(Obstacle),
    /// The program runs.
    Running(DateTime<Utc>),
    /// The program exited; the node has not yet said how that is to be read. This is how
    /// it reads without.
    Exiting(Ending),
    /// It is over.
    Ended(Ending),
}

/// What the start waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The pod's sandbox.
    Sandbox,
    /// The image, or the container; the API does not tell which.
    Image,
    /// The image: this try failed.
    Pull(PullFailure),
    /// Kubernetes refuses the container's configuration.
    Config(String),
    /// The runtime cannot make the container.
    Create(String),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which kind of end.
    pub kind: EndingKind,
    /// Why.
    pub reason: Reason,
    /// The reason in a sentence, for people.
    pub message: String,
    /// The exit code, if the program ran.
    pub exit_code: Option<i32>,
    /// When the program started, if it did.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, if the node said.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Kinds of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingKind {
    /// Exit code 0.
    Succeeded,
    /// Anything else that is certain.
    Failed,
    /// The pod's time limit was over: ours, or lowered by us.
    Stopped,
    /// The program certainly never started, for the platform's reasons.
    NeverStarted,
    /// Nobody can say.
    Unknown,
}

/// Reads a pod.
#[must_use]
pub fn evidence(pod: &Pod) -> Evidence {
    let status = pod.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default();
    let state = main_state(pod).unwrap_or_default();
    if matches!(phase, "Failed" | "Succeeded") {
        return Evidence::Ended(ending::ending(pod, &state));
    }
    if pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_ref())
        .is_none()
    {
        return unplaced(pod);
    }
    if let Some(running) = state.running {
        return match running.started_at.as_ref().and_then(instant) {
            Some(at) => Evidence::Running(at),
            None => Evidence::Starting(Obstacle::Image),
        };
    }
    if state.terminated.is_some() {
        return ending::early(pod, &state);
    }
    let (container, state) = match before_main(pod) {
        Some(status) if !has_succeeded(status) => (names::LOG_PROOF_CONTAINER, &status.state),
        _ => (names::MAIN_CONTAINER, &Some(state)),
    };
    let waiting = state.clone().and_then(|state| state.waiting);
    let waiting = waiting.unwrap_or_default();
    let message = waiting.message.unwrap_or_default();
    Evidence::Starting(match waiting.reason.as_deref().unwrap_or_default() {
        "InvalidImageName" | "ErrImageNeverPull" => Obstacle::Pull(PullFailure::Invalid),
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
            Obstacle::Pull(PullFailure::of(&message, image(pod, container)))
        }
        "CreateContainerConfigError" => Obstacle::Config(message),
        "CreateContainerError" | "RunContainerError" => Obstacle::Create(message),
        _ if is_true(pod, "PodReadyToStartContainers") => Obstacle::Image,
        _ => Obstacle::Sandbox,
    })
}

fn unplaced(pod: &Pod) -> Evidence {
    if pod.metadata.deletion_timestamp.is_some() {
        // The API server gives no node to a pod that is being deleted.
        return Evidence::Ended(Ending {
            kind: EndingKind::NeverStarted,
            reason: Reason::Disrupted,
            message: "the pod was deleted before it had a node".to_owned(),
            exit_code: None,
            started_at: None,
            finished_at: None,
        });
    }
    if gate(pod).is_some() {
        return Evidence::Gated;
    }
    // Right after our gate was removed the condition still tells of that.
    let refused = condition(pod, "PodScheduled")
        .filter(|found| found.reason.as_deref() == Some("Unschedulable"));
    Evidence::Unscheduled(refused.and_then(|found| found.message.clone()))
}

/// The container of ours that runs before the program, where there is one. A cluster may add
/// others, also such as run as long as it does.
fn before_main(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|status| status.name == names::LOG_PROOF_CONTAINER)
}

fn has_succeeded(status: &ContainerStatus) -> bool {
    let ended = status
        .state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn main_state(pod: &Pod) -> Option<ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|status| status.name == names::MAIN_CONTAINER)?
        .state
        .clone()
}

/// A container's image, as the node was told it.
fn image<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    let spec = pod.spec.as_ref()?;
    let before = spec.init_containers.iter().flatten();
    let mut containers = before.chain(&spec.containers);
    containers
        .find(|container| container.name == name)?
        .image
        .as_deref()
}

fn is_true(pod: &Pod, kind: &str) -> bool {
    condition(pod, kind).is_some_and(|found| found.status == "True")
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
