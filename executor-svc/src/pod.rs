//! What is looked for in a pod in more than one place.

use cluster::names;
use k8s_openapi::api::core::v1::{Pod, PodCondition};

/// The place of our gate among the pod's gates.
pub(crate) fn gate(pod: &Pod) -> Option<usize> {
    let gates = pod.spec.as_ref()?.scheduling_gates.as_ref()?;
    gates.iter().position(|gate| gate.name == names::CLAIM_GATE)
}

/// A condition of the pod.
pub(crate) fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}
