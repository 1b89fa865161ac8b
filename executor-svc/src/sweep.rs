//! Looks at everything there is, again and again: open rows that no message
//! announced, deadlines that no event marks, objects that outlived their exec.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use chrono::Utc;
use cluster::names::LOGS_FINALIZER;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use shared_types::{ExecId, Shard, Shards};
use store::StoreError;
use store::lifecycle::{Held, Tracked};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::decide::{Load, Step, decide, decide_orphan};
use crate::reconcile::Reconciler;

/// Rows read at once.
const PAGE: usize = 500;

/// One sweep's findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Admitted execs of the region that have not ended, and those to be cancelled.
    pub(crate) open: usize,
    /// Execs of the region that wait to be admitted.
    pub(crate) queued: usize,
    /// Execs for which there is something to do.
    pub(crate) due: usize,
}

/// Finds what is due and puts it into the queue; changes nothing itself.
pub(crate) struct Sweep {
    pub(crate) reconciler: Arc<Reconciler>,
    /// Notified when a watch has listed what it is to watch.
    pub(crate) listed: Arc<Notify>,
}

impl Sweep {
    /// The driver.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut ticks = interval(self.reconciler.config.reconcile.sweep_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next = async || {
            tokio::select! {
                _ = ticks.tick() => {}
                // Shards that are new here, where nobody may have looked for a while.
                () = self.listed.notified() => {}
            }
        };
        while stopping.run_until_cancelled(next()).await.is_some() {
            let began = Instant::now();
            match self.step().await {
                Ok(swept) => tracing::debug!(?swept, elapsed = ?began.elapsed(), "swept"),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the sweep did not get through");
                }
            }
        }
    }

    /// One sweep.
    pub(crate) async fn step(&self) -> Result<Swept, StoreError> {
        let region = &self.reconciler.config.cluster.region;
        let shards = self.reconciler.shards();
        let others = Shards::ALL.without(shards);
        self.weigh(self.reconciler.record.held(region, others).await?);
        let mut swept = Swept::default();
        let open = self.open_execs(shards, &mut swept).await?;
        self.remains(&open, &mut swept).await?;
        swept.queued = self.reconciler.record.count_queued(region).await?;
        gauge("escapement_execs_open", swept.open);
        gauge("escapement_execs_queued", swept.queued);
        gauge(
            "escapement_reconcile_queue_depth",
            self.reconciler.queue.depth(),
        );
        self.reconciler.creates.show();
        self.reconciler.clean_ups.show();
        Ok(swept)
    }

    /// Open rows, page by page.
    async fn open_execs(
        &self,
        shards: Shards,
        swept: &mut Swept,
    ) -> Result<HashSet<ExecId>, StoreError> {
        let region = &self.reconciler.config.cluster.region;
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let mut seen = HashSet::new();
        let mut after = None;
        loop {
            let page = self
                .reconciler
                .record
                .open_page(region, shards, after, limit)
                .await?;
            after = page.last().map(|exec| exec.id);
            for exec in &page {
                seen.insert(exec.id);
                self.consider(exec, swept);
            }
            if page.len() < PAGE {
                swept.open = seen.len();
                return Ok(seen);
            }
        }
    }

    /// Objects whose exec is not open: it has ended, or has no row.
    async fn remains(&self, open: &HashSet<ExecId>, swept: &mut Swept) -> Result<(), StoreError> {
        let mut execs: HashSet<ExecId> = self.reconciler.jobs.execs().into_iter().collect();
        execs.extend(self.reconciler.pods.execs());
        let ids: Vec<ExecId> = execs.difference(open).copied().collect();
        for ids in ids.chunks(PAGE) {
            let mut unknown: HashSet<ExecId> = ids.iter().copied().collect();
            for exec in self.reconciler.record.load_many(ids).await? {
                unknown.remove(&exec.id);
                self.consider(&exec, swept);
            }
            for id in unknown {
                let limits = &self.reconciler.config.limits;
                if let Some(view) = self.reconciler.view(id) {
                    self.submit(id, &decide_orphan(&view, limits, Utc::now()), swept);
                }
            }
        }
        Ok(())
    }

    fn consider(&self, exec: &Tracked, swept: &mut Swept) {
        if exec.region == self.reconciler.config.cluster.region
            && let Some(view) = self.reconciler.view(exec.id)
        {
            let step = decide(&self.reconciler.facts(exec, &view));
            self.submit(exec.id, &step, swept);
        }
    }

    fn submit(&self, exec: ExecId, step: &Step, swept: &mut Swept) {
        match step {
            Step::Wait | Step::Done => {}
            Step::WaitUntil(at) => self.reconciler.wake(exec, *at),
            step if self
                .reconciler
                .pace(step)
                .is_some_and(|pace| pace.waits(exec)) => {}
            _ => {
                swept.due += 1;
                self.reconciler.queue.submit(exec);
            }
        }
    }

    /// Counts what the cluster shows here, with what the database says of the shards of
    /// others.
    pub(crate) fn weigh(&self, others: Held) {
        let (jobs, pods) = (&self.reconciler.jobs, &self.reconciler.pods);
        let unsealed = pods.count(|pod| {
            has_ended(pod) && pod.finalizers().iter().any(|name| name == LOGS_FINALIZER)
        });
        let placed = pods.count(|pod| !has_ended(pod) && has_node(pod));
        gauge("escapement_pods_unsealed", unsealed);
        gauge("escapement_pods_placed", placed);
        // Ids are even, so others have as many for each of their shards.
        let share = self.reconciler.shards().len().max(1);
        let load = Load {
            jobs: others.jobs + jobs.count(|_| true),
            pods: others.pods + pods.count(|_| true),
            unsealed: unsealed * usize::from(Shard::COUNT) / share,
            placed: others.placed + placed,
        };
        let known = &self.reconciler.load;
        *known.lock().unwrap_or_else(PoisonError::into_inner) = load;
    }
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn has_node(pod: &Pod) -> bool {
    pod.spec
        .as_ref()
        .is_some_and(|spec| spec.node_name.is_some())
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn gauge(name: &'static str, count: usize) {
    metrics::gauge!(name).set(count as f64);
}
