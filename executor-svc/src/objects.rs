//! The changes that are made in the cluster. Each names the one object it means
//! by uid, and takes "already so" and "already gone" for success.

mod events;
mod found;
mod secrets;

use std::time::Duration;

use cluster::finalizer::{self, FinalizerError};
use cluster::{Cache, CallError, PodIdentity, create, names, patch, persist};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

pub(crate) use events::Events;

use crate::pod::gate;
use crate::view::ObservedJob;

const LIMIT: Duration = Duration::from_secs(20);

/// What became of a Job's creation.
#[derive(Debug)]
pub(crate) enum Created {
    /// It is there, with this uid.
    There(String),
    /// An object that is not ours has its name.
    Foreign,
}

/// The Jobs and Pods of one cluster.
pub(crate) struct Objects {
    client: Client,
    /// What is known of the pods, and of what became of them here.
    pods: Cache<Pod>,
}

impl Objects {
    pub(crate) fn new(client: Client, pods: Cache<Pod>) -> Self {
        Self { client, pods }
    }

    /// Creates the Job, or finds that it was created before.
    pub(crate) async fn create_job(&self, job: &Job) -> Result<Created, CallError> {
        let api: Api<Job> =
            Api::namespaced(self.client.clone(), &job.namespace().unwrap_or_default());
        let name = job.name_any();
        let found = match create(&api, job).await {
            Ok(created) => created,
            Err(error) if error.code() == Some(409) => persist(LIMIT, || api.get(&name)).await?,
            Err(error) => return Err(error),
        };
        Ok(match found.uid().filter(|_| same_attempt(&found, job)) {
            Some(uid) => Created::There(uid),
            None => Created::Foreign,
        })
    }

    /// Deletes the Job; its pods follow as far as finalizers let them.
    pub(crate) async fn delete_job(&self, job: &ObservedJob) -> Result<(), CallError> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &job.namespace);
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(job.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        settled(persist(LIMIT, || api.delete(&job.name, &params)).await).map(drop)
    }

    /// Opens the gate and takes hold of the pod, both or neither.
    pub(crate) async fn open(&self, pod: &Pod) -> Result<(), CallError> {
        match opening(pod) {
            Some(patch) => self.patch(pod, patch).await,
            None => Ok(()),
        }
    }

    /// Has the node stop the program with its grace; the pod stays readable.
    /// `unchanged` means only in the very state given.
    pub(crate) async fn stop(&self, pod: &Pod, unchanged: bool) -> Result<(), CallError> {
        self.patch(pod, stopping(pod, unchanged)).await
    }

    /// Deletes the pod; `unchanged` means only in the very state given.
    pub(crate) async fn delete_pod(&self, pod: &Pod, unchanged: bool) -> Result<(), CallError> {
        let preconditions = Preconditions {
            uid: pod.uid(),
            resource_version: pod.resource_version().filter(|_| unchanged),
        };
        let params = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        let api = self.pods_beside(pod);
        let name = pod.name_any();
        settled(persist(LIMIT, || api.delete(&name, &params)).await).map(drop)
    }

    pub(crate) async fn release(&self, pod: &Pod, finalizer: &str) -> Result<(), FinalizerError> {
        finalizer::remove(&self.pods_beside(pod), pod, finalizer)
            .await
            .map(drop)
    }

    fn pods_beside(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default())
    }

    async fn patch(&self, pod: &Pod, patch: Value) -> Result<(), CallError> {
        let api = self.pods_beside(pod);
        let name = pod.name_any();
        if let Some(changed) = settled(patch::apply(&api, &name, patch).await)? {
            self.pods.changed(pod, changed);
        }
        Ok(())
    }
}

/// Whether both are of one attempt of this installation.
fn same_attempt<K: Resource>(found: &K, ours: &K) -> bool {
    PodIdentity::of_object(found) == PodIdentity::of_object(ours)
        && found.labels().get(names::INSTANCE) == ours.labels().get(names::INSTANCE)
}

/// Gone, changed meanwhile, or a failed `test` (422): what was seen is out of
/// date, and the watch will say what is.
fn settled<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if matches!(error.code(), Some(404 | 409 | 422)) => {
            tracing::debug!(%error, "the object had changed");
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Removes our gate and adds both finalizers, of this pod and no other. Nobody applies
/// pods of ours, so who owns which field need not be tracked in every later change: one empty
/// entry ends that
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/>).
fn opening(pod: &Pod) -> Option<Value> {
    let place = gate(pod)?;
    let gate = format!("/spec/schedulingGates/{place}");
    let mut patch = vec![
        json!({ "op": "test", "path": "/metadata/uid", "value": pod.uid() }),
        json!({ "op": "test", "path": format!("{gate}/name"), "value": names::CLAIM_GATE }),
        json!({ "op": "remove", "path": gate }),
        json!({ "op": "add", "path": "/metadata/managedFields", "value": [{}] }),
    ];
    let ours = [names::OUTCOME_FINALIZER, names::LOGS_FINALIZER];
    if pod.finalizers().is_empty() {
        // Sets the whole list, so nobody may have begun one meanwhile.
        patch.push(unchanged_since(pod));
        patch.push(json!({ "op": "add", "path": "/metadata/finalizers", "value": ours }));
    } else {
        let each = |name| json!({ "op": "add", "path": "/metadata/finalizers/-", "value": name });
        patch.extend(ours.map(each));
    }
    Some(Value::Array(patch))
}

/// Lowers the time limit of this pod and no other.
fn stopping(pod: &Pod, unchanged: bool) -> Value {
    let mut patch = vec![json!({ "op": "test", "path": "/metadata/uid", "value": pod.uid() })];
    if unchanged {
        patch.push(unchanged_since(pod));
    }
    patch.push(json!({ "op": "add", "path": "/spec/activeDeadlineSeconds", "value": 1 }));
    Value::Array(patch)
}

fn unchanged_since(pod: &Pod) -> Value {
    json!({ "op": "test", "path": "/metadata/resourceVersion", "value": pod.resource_version() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gated(finalizers: &[&str]) -> Pod {
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "uid": "u", "resourceVersion": "7", "finalizers": finalizers },
            "spec": {
                "containers": [],
                "schedulingGates": [{ "name": "other" }, { "name": "escapement.dev/claim" }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn opening_keeps_the_finalizers_of_others() {
        let patch = opening(&gated(&["batch.kubernetes.io/job-tracking"])).unwrap();
        let expected = json!([
            { "op": "test", "path": "/metadata/uid", "value": "u" },
            { "op": "test", "path": "/spec/schedulingGates/1/name", "value": "escapement.dev/claim" },
            { "op": "remove", "path": "/spec/schedulingGates/1" },
            { "op": "add", "path": "/metadata/managedFields", "value": [{}] },
            { "op": "add", "path": "/metadata/finalizers/-", "value": "escapement.dev/outcome" },
            { "op": "add", "path": "/metadata/finalizers/-", "value": "escapement.dev/logs" },
        ]);
        assert_eq!(patch, expected);
    }

    #[test]
    fn opening_starts_a_list_only_if_nothing_changed() {
        let patch = opening(&gated(&[])).unwrap();
        let ours = ["escapement.dev/outcome", "escapement.dev/logs"];
        let expected = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": "7" },
            { "op": "add", "path": "/metadata/finalizers", "value": ours },
        ]);
        assert_eq!(
            &patch.as_array().unwrap()[4..],
            expected.as_array().unwrap()
        );
    }

    #[test]
    fn a_pod_that_may_have_started_meanwhile_is_not_stopped() {
        let pod = gated(&[]);
        let lowered = json!({ "op": "add", "path": "/spec/activeDeadlineSeconds", "value": 1 });
        let uid = json!({ "op": "test", "path": "/metadata/uid", "value": "u" });
        let version = json!({ "op": "test", "path": "/metadata/resourceVersion", "value": "7" });
        assert_eq!(stopping(&pod, false), json!([uid, lowered]));
        assert_eq!(stopping(&pod, true), json!([uid, version, lowered]));
    }

    #[test]
    fn an_open_pod_is_left_alone() {
        assert_eq!(opening(&Pod::default()), None);
    }
}
