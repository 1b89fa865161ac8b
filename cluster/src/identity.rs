//! Whose object this is, read from the labels that we put there.

use k8s_openapi::api::core::v1::Pod;
use kube::{Resource, ResourceExt};
use shared_types::{ExecId, JobId};

use crate::names;

/// The exec and attempt that a Job or Pod belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodIdentity {
    /// The exec.
    pub exec: ExecId,
    /// Its attempt, from 1.
    pub attempt: i32,
    /// Its job.
    pub job: JobId,
    /// The job service's namespace.
    pub namespace: String,
}

impl PodIdentity {
    /// Reads a pod's labels; none if it is not an exec's pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        Self::of_object(pod)
    }

    /// Reads any object's labels; none if it is not an exec's.
    #[must_use]
    pub fn of_object<K: Resource>(object: &K) -> Option<Self> {
        let label = |name: &str| object.labels().get(name);
        Some(Self {
            exec: label(names::EXEC)?.parse().ok()?,
            attempt: label(names::ATTEMPT)?.parse().ok()?,
            job: JobId(label(names::JOB)?.parse().ok()?),
            namespace: label(names::NAMESPACE)?.clone(),
        })
    }

    /// The labels that say so, without those of the installation.
    #[must_use]
    pub fn labels(&self) -> [(&'static str, String); 5] {
        [
            (names::EXEC, self.exec.to_string()),
            (names::ATTEMPT, self.attempt.to_string()),
            (names::SHARD, self.exec.shard().to_string()),
            (names::JOB, self.job.to_string()),
            (names::NAMESPACE, self.namespace.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_read_back() {
        let identity = PodIdentity {
            exec: ExecId::new(),
            attempt: 2,
            job: JobId(146),
            namespace: "demo".to_owned(),
        };
        let mut pod = Pod::default();
        assert_eq!(PodIdentity::of(&pod), None);
        for (name, value) in identity.labels() {
            pod.labels_mut().insert(name.to_owned(), value);
        }
        assert_eq!(PodIdentity::of(&pod), Some(identity));
    }
}
