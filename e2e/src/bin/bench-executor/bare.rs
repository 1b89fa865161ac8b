//! The peer: the same pods as plain Jobs, by a client that does nothing else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use e2e::Kubectl;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, LogParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::LIMIT;
use crate::sight::{Sight, between};

/// Calls at a time, as executor-svc has by default.
const AT_ONCE: usize = 64;
const NAMESPACE: &str = "bench-bare";

/// A namespace for the peer's Jobs.
pub(crate) struct Bare {
    client: Client,
    kubectl: Kubectl,
    pod: Value,
}

impl Bare {
    /// Makes the namespace and the account that the pods have.
    pub(crate) async fn new(client: Client, kubectl: Kubectl, pod: Value) -> Result<Self> {
        kubectl.namespace_for(NAMESPACE, &pod).await?;
        Ok(Self {
            client,
            kubectl,
            pod,
        })
    }

    /// Creates Jobs as fast as the API server takes them; the time until the last was seen.
    pub(crate) async fn create(&self, count: usize) -> Result<Duration> {
        let sight = Sight::of(self.jobs(), "").await?;
        let began = SystemTime::now();
        self.post(count).await?;
        let seen = sight.first(count, LIMIT).await?;
        let last = seen.last().context("none was seen")?;
        let took = between(began, *last)?;
        self.remove().await?;
        Ok(took)
    }

    /// Creates Jobs, reads each log when its program has ended and deletes the Job; the time
    /// until the last pod was gone.
    pub(crate) async fn run(&self, count: usize) -> Result<Duration> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut sight = Sight::of(pods.clone(), "").await?;
        let began = SystemTime::now();
        let (jobs, places) = (self.jobs(), Arc::new(Semaphore::new(AT_ONCE)));
        let reading = async {
            let mut reads = JoinSet::new();
            let mut read = std::collections::HashSet::new();
            while read.len() < count {
                let pod = sight.states.recv().await.context("the watch ended")?;
                let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
                if phase.as_deref() != Some("Succeeded") || !read.insert(pod.name_any()) {
                    continue;
                }
                let (pods, jobs, places) = (pods.clone(), jobs.clone(), places.clone());
                reads.spawn(async move {
                    let _place = places.acquire().await?;
                    pods.logs(&pod.name_any(), &LogParams::default()).await?;
                    let job = pod.labels().get("job-name").context("a Job's pod")?;
                    jobs.delete(job, &DeleteParams::background()).await?;
                    anyhow::Ok(())
                });
            }
            reads.join_all().await.into_iter().collect::<Result<()>>()
        };
        tokio::try_join!(self.post(count), reading)?;
        between(began, sight.gone(count, LIMIT).await?)
    }

    /// Jobs that Kubernetes is to create itself at this time of the day.
    pub(crate) async fn schedule(&self, count: usize, at: &str) -> Result<()> {
        let items: Vec<_> = (0..count)
            .map(|number| {
                let job = json!({ "spec": self.spec() });
                json!({
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": { "name": format!("cron-{number}"), "namespace": NAMESPACE },
                    "spec": { "schedule": at, "timeZone": "Etc/UTC", "jobTemplate": job },
                })
            })
            .collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        self.kubectl.create(&list).await
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Removes everything and waits until it is gone.
    pub(crate) async fn remove(&self) -> Result<()> {
        let schedules: Api<CronJob> = Api::namespaced(self.client.clone(), NAMESPACE);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let (jobs, pods) = (
            Sight::of(self.jobs(), "").await?,
            Sight::of(pods, "").await?,
        );
        let (how, all) = (DeleteParams::background(), ListParams::default());
        schedules.delete_collection(&how, &all).await?;
        self.jobs().delete_collection(&how, &all).await?;
        jobs.none(LIMIT).await?;
        pods.none(LIMIT).await
    }

    fn spec(&self) -> Value {
        json!({ "backoffLimit": 0, "template": self.pod })
    }

    async fn post(&self, count: usize) -> Result<()> {
        let (jobs, params) = (self.jobs(), PostParams::default());
        let all = (0..count).map(|number| {
            let job = json!({
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": { "name": format!("bare-{number}") },
                "spec": self.spec(),
            });
            serde_json::from_value::<Job>(job)
        });
        let all = all.collect::<Result<Vec<_>, _>>()?;
        stream::iter(&all)
            .map(|job| jobs.create(&params, job))
            .buffer_unordered(AT_ONCE)
            .try_for_each(async |_| Ok(()))
            .await?;
        Ok(())
    }
}
