//! Empties a cluster that Escapement is to leave: `executor-svc release`. Nobody would take
//! our finalizers off its pods later.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use cluster::names::{LOGS_FINALIZER, OUTCOME_FINALIZER};
use cluster::{Cache, CallError, Clients, selector};
use futures::future::try_join;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::objects::Objects;
use crate::view::{ObservedJob, ObservedPod};

/// Objects that are let go at the same time.
const CONCURRENCY: usize = 16;
/// How long nodes may take to end what still runs.
const LIMIT: Duration = Duration::from_mins(10);
/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_secs(1);

/// Removes all Jobs and pods of this installation. Without `now` only if no outcome and no
/// log would be lost with them.
pub async fn run(config: Config, now: bool) -> Result<()> {
    let clients = Clients::new(&config.cluster).await?;
    // Nothing is watched: what is there is listed each time.
    let objects = Objects::new(clients.unary, Cache::default());
    let selector = selector(&config.cluster);
    let (mut jobs, mut pods) = objects.all(&selector).await?;
    let held = |finalizer| pods.iter().filter(|pod| pod.holds(finalizer)).count();
    let (outcomes, logs) = (held(OUTCOME_FINALIZER), held(LOGS_FINALIZER));
    ensure!(
        now || outcomes + logs == 0,
        "nothing was removed: the outcome of {outcomes} programs is not recorded and the log of \
         {logs} not stored. Let executor-svc (with admission.max_running = 0) and log-svc run \
         until they are; or lose them, by release --now"
    );
    let until = Instant::now() + LIMIT;
    while !(jobs.is_empty() && pods.is_empty()) {
        tracing::info!(jobs = jobs.len(), pods = pods.len(), "are left");
        ensure!(
            Instant::now() < until,
            "{} Jobs and {} pods are still there: a node does not answer, or an executor-svc of \
             this region runs",
            jobs.len(),
            pods.len()
        );
        unless_busy(remove(&objects, &jobs, &pods).await)?;
        sleep(PAUSE).await;
        (jobs, pods) = objects.all(&selector).await?;
    }
    Ok(())
}

/// What the API server has no time for now is still there at the next look.
fn unless_busy(removed: Result<()>) -> Result<()> {
    let is_busy = |error: &anyhow::Error| {
        let mut calls = error.chain().filter_map(|cause| cause.downcast_ref());
        calls.any(|call: &CallError| call.busy().is_some())
    };
    match removed {
        Err(error) if is_busy(&error) => {
            tracing::info!("the Kubernetes API is too busy; the rest follows");
            Ok(())
        }
        removed => removed,
    }
}

/// The Jobs go first, so that they make no new pods.
async fn remove(objects: &Objects, jobs: &[ObservedJob], pods: &[ObservedPod]) -> Result<()> {
    stream::iter(jobs.iter().filter(|job| !job.deleting))
        .map(Ok)
        .try_for_each_concurrent(CONCURRENCY, async |job| objects.delete_job(job).await)
        .await?;
    stream::iter(pods)
        .map(Ok::<_, anyhow::Error>)
        .try_for_each_concurrent(CONCURRENCY, async |pod| let_go(objects, pod).await)
        .await
}

async fn let_go(objects: &Objects, pod: &ObservedPod) -> Result<()> {
    for finalizer in [OUTCOME_FINALIZER, LOGS_FINALIZER] {
        if pod.holds(finalizer) {
            objects.release(&pod.pod, finalizer).await?;
        }
    }
    if pod.job_uid.is_none() && pod.deletion_due.is_none() {
        objects.delete_pod(&pod.pod, false).await?;
    }
    Ok(())
}

impl Objects {
    /// Everything of this installation.
    async fn all(&self, selector: &str) -> Result<(Vec<ObservedJob>, Vec<ObservedPod>)> {
        let (jobs, pods) = try_join(self.list(selector), self.list(selector)).await?;
        let jobs = jobs.iter().filter_map(ObservedJob::of).collect();
        let pods = pods.into_iter().map(Arc::new);
        Ok((jobs, pods.filter_map(ObservedPod::of).collect()))
    }
}

#[cfg(test)]
mod tests {
    use cluster::FinalizerError;
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_busy_api_server_is_asked_again_and_a_refusal_ends_it() {
        let answer = |code| {
            let status = Status::failure("no", "Test").with_code(code);
            CallError::Failed(Box::new(kube::Error::Api(status.boxed())))
        };
        assert!(unless_busy(Err(answer(429).into())).is_ok());
        let of_pod = FinalizerError::Call(answer(429));
        assert!(unless_busy(Err(of_pod.into())).is_ok());
        assert!(unless_busy(Err(answer(403).into())).is_err());
        assert!(unless_busy(Err(FinalizerError::Contended.into())).is_err());
    }
}
