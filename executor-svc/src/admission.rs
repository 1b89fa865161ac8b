//! Admits execs that wait: as many as the region, their namespace and their job let
//! run, in a fair order. Rounds follow each other while there is something to decide;
//! each sees what is in the database, so it does not matter which replica does it.

mod fair;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ExecId, JobId};
use store::admission::{self, Queued};
use store::{AsyncConnection, PgConnection, Store, StoreError, lifecycle};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::fair::{Admitted, Standing};
use crate::config::Config;
use crate::queue::Queue;

/// Execs of a namespace that one round decides about, at most.
const BATCH: usize = 200;
/// Execs that waited too long, which one round has ended.
const OVERDUE: i64 = 500;

/// Asks for a round; clones ask for the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door {
    knocked: Arc<Notify>,
    waiting: Arc<Mutex<Waiting>>,
}

/// To be told when a round is over that began after they knocked.
#[derive(Debug, Default)]
struct Waiting {
    senders: Vec<oneshot::Sender<()>>,
    closed: bool,
}

impl Door {
    /// Somebody came, or a place became free.
    pub(crate) fn knock(&self) {
        self.knocked.notify_one();
    }

    /// Knocks, and tells when everybody who had come by then was decided about; closed if
    /// nobody ever will be.
    pub(crate) fn knock_and_wait(&self) -> oneshot::Receiver<()> {
        let (sender, decided) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.senders.push(sender);
        }
        drop(waiting);
        self.knock();
        decided
    }

    /// Those who waited until now.
    pub(crate) fn take_waiting(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.lock().senders)
    }

    /// Nobody is decided about any more.
    pub(crate) fn close(&self) {
        *self.lock() = Waiting {
            senders: Vec::new(),
            closed: true,
        };
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decides who may begin.
pub(crate) struct Admission {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) door: Door,
}

impl Admission {
    /// The driver: a round whenever somebody knocks, a start rate allows it, or as often as
    /// sweeps, which is for what other replicas did.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let every = self.config.reconcile.sweep_every;
        let mut pause = every;
        let mut overdue_at = Instant::now();
        loop {
            let knocked = timeout(pause, self.door.knocked.notified());
            if stopping.run_until_cancelled(knocked).await.is_none() {
                return self.door.close();
            }
            let is_time = Instant::now() >= overdue_at;
            if is_time {
                overdue_at = Instant::now() + every;
            }
            let waiting = self.door.take_waiting();
            pause = match self.rounds(is_time).await {
                Ok(again_at) => {
                    for waiting in waiting {
                        // Whoever knocked may have stopped listening.
                        let _ = waiting.send(());
                    }
                    let until = again_at.and_then(|at| (at - Utc::now()).to_std().ok());
                    until.map_or(every, |until| until.min(every))
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "nobody was admitted; will be tried again");
                    every
                }
            };
        }
    }

    /// Rounds until one admits nobody; says when a start rate allows the next. Those who
    /// waited too long are looked for first if it `is_time` for that.
    async fn rounds(&self, is_time: bool) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut conn = self.store.connection().await?;
        let region = &self.config.cluster.region;
        if is_time {
            self.end_overdue(&mut conn).await?;
        }
        loop {
            if !admission::has_queued(&mut conn, region).await? {
                return Ok(None);
            }
            let admitted = conn
                .transaction(async |conn| self.round(conn).await)
                .await?;
            if admitted.execs.is_empty() {
                return Ok(admitted.again_at);
            }
            for exec in admitted.execs {
                self.queue.submit(exec);
            }
        }
    }

    async fn round(&self, conn: &mut PgConnection) -> Result<Admitted, StoreError> {
        let (config, region) = (&self.config.admission, &self.config.cluster.region);
        admission::lock(conn, region).await?;
        let running = admission::running(conn, region).await?;
        let full = running.jobs.iter();
        let full = full.filter(|(_, (running, limit))| running >= limit);
        let full: Vec<JobId> = full.map(|(job, _)| *job).collect();
        let free = config.max_running.saturating_sub(running.total());
        // One more than can be admitted: whether somebody waits behind them decides what the
        // queue says of itself.
        let heads = free.min(BATCH) + 1;
        let queued = admission::queued(conn, region, &full, heads).await?;
        let now = Utc::now();
        let standing = Standing {
            config,
            running,
            queues: admission::queues(conn, region).await?,
            now,
        };
        let mut admitted = fair::admit(&queued, standing);
        if !admitted.changed.is_empty() {
            admission::keep_queues(conn, region, &admitted.changed).await?;
        }
        if !admitted.execs.is_empty() {
            admitted.execs = lifecycle::begin_first(conn, &admitted.execs, now).await?;
            record_waits(&queued, &admitted.execs, now);
        }
        Ok(admitted)
    }

    /// What waited longer than may be is for the queue to end.
    async fn end_overdue(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let limit = TimeDelta::from_std(self.config.limits.queue_deadline).ok();
        let Some(before) = limit.and_then(|limit| Utc::now().checked_sub_signed(limit)) else {
            return Ok(());
        };
        let region = &self.config.cluster.region;
        for exec in admission::queued_before(conn, region, before, OVERDUE).await? {
            self.queue.submit(exec);
        }
        Ok(())
    }
}

fn record_waits(queued: &[Queued], admitted: &[ExecId], now: DateTime<Utc>) {
    let waits = metrics::histogram!("escapement_exec_queued_seconds");
    let admitted: HashSet<_> = admitted.iter().collect();
    for exec in queued.iter().filter(|exec| admitted.contains(&exec.id)) {
        waits.record((now - exec.created_at).as_seconds_f64().max(0.0));
    }
}
