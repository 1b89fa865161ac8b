//! What a pod shows about its log: the decision table between the watch and
//! the tail.

use chrono::{DateTime, Utc};
use cluster::names::{LOGS_FINALIZER, MAIN_CONTAINER};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;

/// Where a pod's program is, as far as reading its output is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It may still start; there is nothing to read yet.
    NotStarted,
    /// It may print at any time.
    Running,
    /// It has ended; what it printed can be read to the end.
    Ended,
    /// It will never start, so it printed nothing.
    NeverStarted,
    /// The pod is gone, or no longer waits for us: nothing more can be read.
    Released,
}

impl Sighting {
    /// Reads a pod; `None` is one that the cluster no longer has.
    pub fn of(pod: Option<&Pod>) -> Self {
        let Some(pod) = pod.filter(|pod| is_held(pod)) else {
            return Self::Released;
        };
        let state = main_container(pod).and_then(|main| main.state.as_ref());
        if let Some(state) = state {
            if state.running.is_some() {
                return Self::Running;
            }
            if state.terminated.as_ref().is_some_and(has_run) {
                return Self::Ended;
            }
        }
        if will_not_start(pod) {
            Self::NeverStarted
        } else {
            Self::NotStarted
        }
    }
}

/// Whether the pod waits until its log is stored.
pub fn is_held(pod: &Pod) -> bool {
    pod.finalizers()
        .iter()
        .any(|finalizer| finalizer == LOGS_FINALIZER)
}

/// When the program started, where the pod tells.
pub fn started_at(pod: &Pod) -> Option<DateTime<Utc>> {
    let state = main_container(pod)?.state.as_ref()?;
    let running = state.running.as_ref().map(|running| &running.started_at);
    let ended = state.terminated.as_ref().map(|ended| &ended.started_at);
    let started = running.or(ended)?.as_ref()?;
    DateTime::from_timestamp(started.0.as_second(), 0)
}

fn main_container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == MAIN_CONTAINER)
}

/// Whether there was a program. Without a container id the runtime never made
/// a container; with these reasons it made one and could not start it.
fn has_run(ended: &ContainerStateTerminated) -> bool {
    let made = ended
        .container_id
        .as_deref()
        .is_some_and(|id| !id.is_empty());
    let reason = ended.reason.as_deref();
    made && !matches!(reason, Some("StartError" | "ContainerCannotRun"))
}

/// Its end is final, or it is deleted and no node was ever told of it.
fn will_not_start(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let unscheduled = node.is_none_or(str::is_empty);
    matches!(phase, Some("Succeeded" | "Failed"))
        || (pod.metadata.deletion_timestamp.is_some() && unscheduled)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: &str = "2026-11-23T14:00:00Z";

    fn pod(node: Option<&str>, phase: &str, state: &Value) -> Value {
        json!({
            "metadata": { "name": "p", "finalizers": [LOGS_FINALIZER] },
            "spec": { "nodeName": node, "containers": [] },
            "status": { "phase": phase, "containerStatuses": [{
                "name": "main", "state": state, "image": "i", "imageID": "i",
                "ready": false, "restartCount": 0,
            }]},
        })
    }

    fn deleted(mut pod: Value) -> Value {
        pod["metadata"]["deletionTimestamp"] = json!(AT);
        pod
    }

    fn without(mut pod: Value, place: &str) -> Value {
        *pod.pointer_mut(place).unwrap() = json!([]);
        pod
    }

    fn ended(id: Option<&str>, reason: &str) -> Value {
        json!({ "terminated": { "exitCode": 1, "containerID": id, "reason": reason } })
    }

    fn assert_seen(cases: impl IntoIterator<Item = (Value, Sighting)>) {
        for (shown, expected) in cases {
            let pod: Pod = serde_json::from_value(shown.clone()).unwrap();
            assert_eq!(Sighting::of(Some(&pod)), expected, "{shown}");
        }
    }

    const NODE: Option<&str> = Some("n");

    #[test]
    fn a_program_that_started() {
        let running = json!({ "running": { "startedAt": AT } });
        let done = ended(Some("containerd://1"), "Completed");
        let finalizers = "/metadata/finalizers";
        assert_seen([
            (pod(NODE, "Running", &running), Sighting::Running),
            (deleted(pod(NODE, "Running", &running)), Sighting::Running),
            (pod(NODE, "Running", &done), Sighting::Ended),
            (pod(NODE, "Succeeded", &done), Sighting::Ended),
            (deleted(pod(NODE, "Failed", &done)), Sighting::Ended),
            (
                without(pod(NODE, "Running", &running), finalizers),
                Sighting::Released,
            ),
            (
                without(pod(NODE, "Succeeded", &done), finalizers),
                Sighting::Released,
            ),
        ]);
        assert_eq!(Sighting::of(None), Sighting::Released);
    }

    #[test]
    fn a_program_that_did_not_start() {
        let waiting = json!({ "waiting": { "reason": "ContainerCreating" } });
        let unable = ended(Some("containerd://1"), "StartError");
        let unknown = ended(None, "ContainerStatusUnknown");
        let statuses = "/status/containerStatuses";
        assert_seen([
            (pod(None, "Pending", &waiting), Sighting::NotStarted),
            (pod(NODE, "Pending", &waiting), Sighting::NotStarted),
            (
                without(pod(None, "Pending", &waiting), statuses),
                Sighting::NotStarted,
            ),
            // The kubelet will still say how that ended.
            (
                deleted(pod(NODE, "Pending", &waiting)),
                Sighting::NotStarted,
            ),
            (
                deleted(pod(None, "Pending", &waiting)),
                Sighting::NeverStarted,
            ),
            (pod(NODE, "Failed", &waiting), Sighting::NeverStarted),
            (pod(NODE, "Failed", &unable), Sighting::NeverStarted),
            (pod(NODE, "Failed", &unknown), Sighting::NeverStarted),
            (
                without(pod(NODE, "Failed", &waiting), statuses),
                Sighting::NeverStarted,
            ),
        ]);
    }
}
