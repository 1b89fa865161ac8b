//! What the cluster shows of one exec: its Jobs and Pods, read once into the
//! facts that the decision asks for.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cluster::{PodIdentity, instant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use store::lifecycle::Placement;

use crate::evidence::{Evidence, evidence};
use crate::pod::{condition, gate};

/// The objects of one exec, of all its attempts.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Its Jobs.
    pub jobs: Vec<ObservedJob>,
    /// Their pods.
    pub pods: Vec<ObservedPod>,
}

/// A Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedJob {
    /// Which attempt it is.
    pub attempt: i32,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Why Kubernetes says that it failed.
    pub failed: Option<String>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedPod {
    /// Which attempt it belongs to.
    pub attempt: i32,
    /// Its uid.
    pub uid: String,
    /// Uid of the Job that made it.
    pub job_uid: Option<String>,
    /// When a node was chosen, or when it was created.
    pub placed_at: DateTime<Utc>,
    /// When it ceases to be tolerated, if it is being deleted.
    pub deletion_due: Option<DateTime<Utc>>,
    /// Whether its time limit was lowered to stop it.
    pub stopping: bool,
    /// What it shows of its program.
    pub evidence: Evidence,
    /// The object.
    pub pod: Arc<Pod>,
}

impl View {
    /// Reads the objects; those that are not an exec's are left out.
    #[must_use]
    pub fn new(jobs: &[Arc<Job>], pods: &[Arc<Pod>]) -> Self {
        Self {
            jobs: jobs.iter().filter_map(|job| ObservedJob::of(job)).collect(),
            pods: pods
                .iter()
                .filter_map(|pod| ObservedPod::of(pod.clone()))
                .collect(),
        }
    }

    /// The Job of an attempt.
    #[must_use]
    pub fn job(&self, attempt: i32) -> Option<&ObservedJob> {
        self.jobs.iter().find(|job| job.attempt == attempt)
    }

    /// The pod of this uid.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&ObservedPod> {
        self.pods.iter().find(|pod| pod.uid == uid)
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.pods.is_empty()
    }
}

impl ObservedJob {
    /// Reads a Job; none if it is not an exec's.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        let conditions = job
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref());
        let failed = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition.type_ == "Failed" && condition.status == "True");
        Some(Self {
            attempt: PodIdentity::of_object(job)?.attempt,
            namespace: job.namespace()?,
            name: job.name_any(),
            uid: job.uid()?,
            created_at: instant(&job.creation_timestamp()?)?,
            deleting: job.metadata.deletion_timestamp.is_some(),
            failed: failed.map(|condition| condition.message.clone().unwrap_or_default()),
        })
    }
}

impl ObservedPod {
    /// Reads a pod; none if it is not an exec's.
    #[must_use]
    pub fn of(pod: Arc<Pod>) -> Option<Self> {
        let identity = PodIdentity::of(&pod)?;
        let scheduled = condition(&pod, "PodScheduled").filter(|found| found.status == "True");
        let scheduled_at =
            scheduled.and_then(|found| instant(found.last_transition_time.as_ref()?));
        let owner = pod
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true));
        let limit = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.active_deadline_seconds);
        Some(Self {
            attempt: identity.attempt,
            uid: pod.uid()?,
            job_uid: owner.map(|owner| owner.uid.clone()),
            placed_at: scheduled_at.or_else(|| instant(&pod.creation_timestamp()?))?,
            deletion_due: pod.metadata.deletion_timestamp.as_ref().and_then(instant),
            stopping: limit.is_some_and(|limit| limit <= 1),
            evidence: evidence(&pod),
            pod,
        })
    }

    /// The node it was given.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.pod.spec.as_ref()?.node_name.as_deref()
    }

    /// How long its program has from SIGTERM to SIGKILL.
    #[must_use]
    pub fn grace_period(&self) -> Duration {
        let spec = self.pod.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.termination_grace_period_seconds);
        Duration::from_secs(
            seconds
                .and_then(|seconds| seconds.try_into().ok())
                .unwrap_or(0),
        )
    }

    /// Whether it carries this finalizer.
    #[must_use]
    pub fn holds(&self, finalizer: &str) -> bool {
        self.pod.finalizers().iter().any(|each| each == finalizer)
    }

    /// Whether it waits at our gate.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        gate(&self.pod).is_some()
    }

    /// The image of its program.
    #[must_use]
    pub fn image(&self) -> &str {
        let spec = self.pod.spec.as_ref();
        let container = spec.and_then(|spec| spec.containers.first());
        let image = container.and_then(|container| container.image.as_deref());
        image.unwrap_or_default()
    }

    /// What there is to tell about its node; none without one.
    #[must_use]
    pub fn placement(&self) -> Option<Placement> {
        let image = self.image();
        Some(Placement {
            node: self.node()?.to_owned(),
            at: self.placed_at,
            line: format!("Start pulling image: {image}"),
        })
    }
}
