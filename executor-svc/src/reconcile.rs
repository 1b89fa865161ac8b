//! Loads what is, asks [`crate::decide`] what to do, does it, and again until
//! there is nothing to do but wait. The same for admissions, watch events, sweeps
//! and start-up.

mod creation;
mod explain;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::Traces;
use chrono::{DateTime, Utc};
use cluster::{Cache, CallError, ClusterConfig, FinalizerError};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use shared_types::{ExecId, Shards};
use store::StoreError;
use store::lifecycle::{Applied, Tracked};
use thiserror::Error;

use crate::admission::Door;
use crate::config::Config;
use crate::decide::{Facts, Load, Step, decide, decide_orphan};
use crate::namespace::Namespaces;
use crate::objects::{Events, Objects};
use crate::pace::Pace;
use crate::queue::Queue;
use crate::record::ExecRows;
use crate::together::Unanswered;
use crate::view::{ObservedJob, ObservedPod, View};

/// More steps than any exec takes at one go; then it waits for the next sweep.
const STEPS: usize = 12;

/// Why a reconcile stopped short; the next sweep takes it up again.
#[derive(Debug, Error)]
pub(crate) enum ReconcileError {
    #[error("the database did not do its part")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("the cluster did not do its part")]
    Call(#[from] CallError),
    #[error("the cluster did not let the pod go")]
    Finalizer(#[from] FinalizerError),
}

impl ReconcileError {
    /// How long the API server asks to be left alone, if it is too busy.
    fn busy(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::Finalizer(FinalizerError::Call(error)) => error.busy(),
            Self::Finalizer(FinalizerError::Contended) | Self::Store(_) | Self::Unanswered(_) => {
                None
            }
        }
    }
}

/// What to do after a step.
enum After {
    /// The rows have changed: look again.
    Look,
    /// The cluster is at work: its watch will wake us.
    Wait,
}

/// Everything one reconcile needs.
pub(crate) struct Reconciler {
    pub(crate) config: Arc<Config>,
    pub(crate) record: ExecRows,
    pub(crate) queue: Queue,
    pub(crate) door: Door,
    pub(crate) jobs: Cache<Job>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) objects: Objects,
    pub(crate) events: Events,
    pub(crate) namespaces: Namespaces,
    pub(crate) creates: Pace,
    pub(crate) clean_ups: Pace,
    pub(crate) load: Mutex<Load>,
    pub(crate) traces: Traces,
}

impl Reconciler {
    /// Brings one exec as far as it goes now.
    pub(crate) async fn reconcile(&self, id: ExecId) -> Result<(), ReconcileError> {
        let began = Instant::now();
        let result = self.steps(id).await;
        if let Some(asked) = result.as_ref().err().and_then(ReconcileError::busy) {
            self.queue.submit_at(id, Utc::now() + asked);
        }
        let outcome = if result.is_ok() { "ok" } else { "error" };
        metrics::counter!("escapement_reconciles_total", "outcome" => outcome).increment(1);
        metrics::histogram!("escapement_reconcile_seconds").record(began.elapsed().as_secs_f64());
        result
    }

    async fn steps(&self, id: ExecId) -> Result<(), ReconcileError> {
        for _ in 0..STEPS {
            let Some(exec) = self.record.load(id).await? else {
                return self.orphan(id).await;
            };
            if exec.region != self.cluster().region {
                return Ok(());
            }
            let Some(mut view) = self.view(id) else {
                return self.begin(&exec).await;
            };
            self.confirm_absence(&exec, &mut view).await?;
            let step = decide(&self.facts(&exec, &view));
            if let Step::WaitUntil(at) = step {
                self.wake(id, at);
            }
            tracing::debug!(exec = %id, state = %exec.state, step = step.name(), "next step");
            match self.take(&exec, step).await? {
                After::Look => {}
                After::Wait => return Ok(()),
            }
        }
        tracing::warn!(exec = %id, "too many steps at one go; left to the next sweep");
        Ok(())
    }

    /// Only the replica that sees an exec's objects may judge by them. Creating the first
    /// Job needs no sight: if it is there, its name is taken.
    async fn begin(&self, exec: &Tracked) -> Result<(), ReconcileError> {
        let step = decide(&self.facts(exec, &View::default()));
        if matches!(step, Step::Admit | Step::CreateJob(1)) {
            self.take(exec, step).await?;
        }
        Ok(())
    }

    /// What the watches have shown of an exec; none if another replica watches it.
    pub(crate) fn view(&self, id: ExecId) -> Option<View> {
        Some(View::new(&self.jobs.of(id)?, &self.pods.of(id)?))
    }

    /// The shards of which this replica sees everything.
    pub(crate) fn shards(&self) -> Shards {
        self.jobs.shards().and(self.pods.shards())
    }

    /// What [`decide`] is to know.
    pub(crate) fn facts<'a>(&'a self, exec: &'a Tracked, view: &'a View) -> Facts<'a> {
        Facts {
            exec,
            view,
            load: self.load(),
            limits: &self.config.limits,
            now: Utc::now(),
        }
    }

    /// Has an exec looked at once this instant has come. What comes after the next sweep
    /// is for that to remember.
    pub(crate) fn wake(&self, exec: ExecId, at: DateTime<Utc>) {
        let sweep = self.config.reconcile.sweep_every;
        if (at - Utc::now())
            .to_std()
            .is_ok_and(|pause| pause > 2 * sweep)
        {
            return;
        }
        self.queue.submit_at(exec, at);
    }

    fn load(&self) -> Load {
        *self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cluster(&self) -> &ClusterConfig {
        &self.config.cluster
    }

    /// A watch may not have shown yet what is there. Before an object counts as
    /// gone the cluster itself is asked.
    async fn confirm_absence(&self, exec: &Tracked, view: &mut View) -> Result<(), CallError> {
        let Some(attempt) = exec.current().filter(|_| !exec.state.is_terminal()) else {
            return Ok(());
        };
        let namespace = self.cluster().namespace(&exec.namespace);
        if let (Some(uid), Some(name)) = (&attempt.pod_uid, &attempt.pod_name) {
            if view.pod(uid).is_none() {
                let pod = self.objects.pod(&namespace, name).await?;
                view.pods
                    .extend(pod.and_then(|pod| ObservedPod::of(Arc::new(pod))));
            }
        } else if let Some(uid) = &attempt.job_uid
            && view.job(attempt.attempt).is_none_or(|job| job.uid != *uid)
        {
            let name = exec.id.job_name(attempt.attempt);
            let job = self.objects.job(&namespace, &name).await?;
            view.jobs.retain(|job| job.attempt != attempt.attempt);
            view.jobs.extend(job.as_ref().and_then(ObservedJob::of));
        }
        Ok(())
    }

    /// Takes a step in its turn.
    async fn take(&self, exec: &Tracked, step: Step) -> Result<After, ReconcileError> {
        let Some(pace) = self.pace(&step) else {
            return self.perform(exec, step).await;
        };
        if !pace.turn(exec.id) {
            return Ok(After::Wait);
        }
        let result = self.perform(exec, step).await;
        match &result {
            Ok(_) => pace.went(),
            Err(error) => {
                if let Some(asked) = error.busy() {
                    pace.refused(exec.id, asked);
                    return Ok(After::Wait);
                }
            }
        }
        result
    }

    /// What counts out steps of this kind, if there may be more of them than the cluster
    /// likes.
    pub(crate) fn pace(&self, step: &Step) -> Option<&Pace> {
        match step {
            Step::CreateJob(_) => Some(&self.creates),
            Step::Release(..) | Step::DeleteJob(_) | Step::Delete(_) => Some(&self.clean_ups),
            _ => None,
        }
    }

    async fn perform(&self, exec: &Tracked, step: Step) -> Result<After, ReconcileError> {
        let (id, record, objects) = (exec.id, &self.record, &self.objects);
        match step {
            Step::Admit => {
                self.door.knock();
                return Ok(After::Wait);
            }
            Step::CreateJob(attempt) => return self.create_job(exec, attempt).await,
            Step::ForgetJob(attempt, uid) => record.job_gone(id, attempt, &uid).await?,
            Step::Claim(attempt, pod) => {
                if record.claim(id, attempt, &pod).await? == Applied::Done {
                    objects.open(&pod).await?;
                    return Ok(After::Wait);
                }
            }
            Step::Place(attempt, placement) => record.place(exec, attempt, &placement).await?,
            Step::Start(attempt, start) => record.start(exec, attempt, &start).await?,
            Step::Tell(attempt, obstacle) => record.tell(id, attempt, &obstacle).await?,
            Step::Condemn(attempt, verdict) => record.condemn(id, attempt, &verdict).await?,
            Step::End(mut end) => {
                self.explain(exec, &mut end).await;
                record.end(exec, &end).await?;
            }
            Step::Retry(mut retry) => {
                self.explain(exec, &mut retry.end).await;
                record.retry(exec, &retry).await?;
            }
            Step::AbandonLogs(attempt) => record.abandon_logs(exec, attempt).await?,
            Step::Open(pod) => {
                objects.open(&pod).await?;
                return Ok(After::Wait);
            }
            Step::Stop(pod) => {
                objects.stop(&pod, false).await?;
                return Ok(After::Wait);
            }
            Step::StopUnstarted(pod) => {
                objects.stop(&pod, true).await?;
                return Ok(After::Wait);
            }
            Step::Withdraw(pod) => {
                objects.delete_pod(&pod, true).await?;
                return Ok(After::Wait);
            }
            step => return self.clean_up(step).await,
        }
        Ok(After::Look)
    }

    async fn clean_up(&self, step: Step) -> Result<After, ReconcileError> {
        match step {
            Step::Release(pod, finalizer) => self.objects.release(&pod, finalizer).await?,
            Step::DeleteJob(job) => self.objects.delete_job(&job).await?,
            Step::Delete(pod) => self.objects.delete_pod(&pod, false).await?,
            _ => {}
        }
        Ok(After::Wait)
    }

    async fn orphan(&self, id: ExecId) -> Result<(), ReconcileError> {
        let Some(view) = self.view(id) else {
            return Ok(());
        };
        let step = decide_orphan(&view, &self.config.limits, Utc::now());
        if !matches!(step, Step::Wait | Step::Done) {
            tracing::warn!(exec = %id, step = step.name(), "objects of an exec that has no row");
        }
        self.clean_up(step).await.map(drop)
    }
}
