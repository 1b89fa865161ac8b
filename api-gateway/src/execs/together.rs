//! Plain triggers, of which there are the most: those that wait at the same moment are
//! written together, by one statement and so by one commit. Nothing ever pauses to fill a
//! batch: while one is written, others gather. Two lanes, so that one batch is put together
//! while the other is on its way to the disk; each has jobs of its own, because two that hold
//! the same job at once cost Postgres more than they save.
//!
//! Who hangs up takes nothing back: what waits is written, and announced.

mod queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::Publisher;
use chassis::Tasks;
use store::execs::{Exec, PlainTrigger, Written, trigger_together};
use store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::queue::{FairQueue, Full};
use crate::reply::error::ApiError;

/// Triggers of a batch; larger ones are no faster, and those in them wait longer.
const BATCH_MAX: usize = 256;

/// Batches that may be under way at once.
const LANES: usize = 2;

/// Triggers that may wait in a lane, and those of one account among them.
const WAITING_MAX: usize = 4096;
const WAITING_EACH: usize = 1024;

type Outcome = Result<Option<Written>, Arc<StoreError>>;

/// Triggers that wait to be written; one for all workers.
#[derive(Debug, Clone)]
pub struct Together(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    publisher: Publisher,
    tasks: Tasks,
    /// A worker may stop while others wait for what it began.
    runtime: Handle,
    lanes: [Mutex<Lane>; LANES],
}

#[derive(Debug)]
struct Lane {
    waiting: FairQueue<Waiting>,
    has_writer: bool,
}

#[derive(Debug)]
struct Waiting {
    trigger: PlainTrigger,
    answer: oneshot::Sender<Outcome>,
}

impl Together {
    /// Triggers that are written to this store and announced there, by the threads of the
    /// runtime that this is called on.
    pub fn new(store: Store, publisher: Publisher, tasks: Tasks) -> Self {
        let lane = || Lane {
            waiting: FairQueue::new(WAITING_MAX, WAITING_EACH),
            has_writer: false,
        };
        Self(Arc::new(Shared {
            store,
            publisher,
            tasks,
            runtime: Handle::current(),
            lanes: [(); LANES].map(|()| Mutex::new(lane())),
        }))
    }

    /// Writes an exec on behalf of an account; `None` as in [`trigger_together`].
    pub async fn trigger(
        &self,
        account: i64,
        trigger: PlainTrigger,
    ) -> Result<Option<Exec>, ApiError> {
        let (answer, written) = oneshot::channel();
        self.push(account, Waiting { trigger, answer })?;
        match written.await {
            Ok(written) => Ok(written?.map(Exec::try_from).transpose()?),
            // Its writer panicked, and it may be written or not.
            Err(lost) => Err(ApiError::Internal(lost.into())),
        }
    }

    fn push(&self, account: i64, waiting: Waiting) -> Result<(), Full> {
        let job = waiting.trigger.trigger.job_id;
        let number = usize::try_from(job.0).unwrap_or_default() % LANES;
        let mut lane = self.0.lane(number);
        if let Err(full) = lane.waiting.push(account, waiting) {
            metrics::counter!("escapement_triggers_refused_total").increment(1);
            return Err(full);
        }
        if !lane.has_writer {
            lane.has_writer = true;
            drop(lane);
            let writer = Writer {
                shared: self.0.clone(),
                lane: number,
                is_it: true,
            };
            let _there = self.0.runtime.enter();
            drop(self.0.tasks.spawn_finite(writer.run()));
        }
        Ok(())
    }
}

impl Shared {
    fn lane(&self, number: usize) -> MutexGuard<'_, Lane> {
        self.lanes[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, batch: Vec<Waiting>) {
        metrics::counter!("escapement_trigger_batches_total").increment(1);
        let (triggers, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.trigger, waiting.answer))
            .unzip();
        let written = match self.store_all(&triggers).await {
            Err(error) if triggers.len() > 1 && !error.is_unavailable() => {
                self.store_each(&triggers).await
            }
            Ok(execs) => execs.into_iter().map(Ok).collect(),
            Err(error) => {
                let error = Arc::new(error);
                answers.iter().map(|_| Err(error.clone())).collect()
            }
        };
        self.announce(
            written
                .iter()
                .filter_map(|written| written.as_ref().ok()?.as_ref()),
        );
        for (answer, written) in answers.into_iter().zip(written) {
            // Who hung up does not need it.
            let _ = answer.send(written);
        }
    }

    async fn store_all(
        &self,
        triggers: &[PlainTrigger],
    ) -> Result<Vec<Option<Written>>, StoreError> {
        let mut conn = self.store.connection().await?;
        trigger_together(&mut conn, triggers).await
    }

    /// One by one: what spoils a batch must not spoil what others asked for.
    async fn store_each(&self, triggers: &[PlainTrigger]) -> Vec<Outcome> {
        let mut written = Vec::new();
        for trigger in triggers {
            let stored = self.store_all(std::slice::from_ref(trigger)).await;
            let stored = stored.map(|mut execs| execs.pop().flatten());
            written.push(stored.map_err(Arc::new));
        }
        written
    }

    fn announce<'a>(&self, execs: impl Iterator<Item = &'a Written>) {
        let mut of_regions = BTreeMap::<&str, Vec<_>>::new();
        for exec in execs {
            of_regions.entry(&exec.region).or_default().push(exec.id);
        }
        for (region, execs) in of_regions {
            // The sweep finds what is not announced.
            let _ = self.publisher.execs_requested(region, execs);
        }
    }
}

/// Writes batches of a lane for as long as there are any.
struct Writer {
    shared: Arc<Shared>,
    lane: usize,
    /// Until it has left the rest to another.
    is_it: bool,
}

impl Writer {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            self.shared.write(batch).await;
        }
    }

    /// With the last of what waits it ceases to be the writer at once: what is pushed after
    /// that has one of its own.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut lane = self.shared.lane(self.lane);
        let batch = lane.waiting.take(BATCH_MAX);
        if batch.is_empty() {
            lane.has_writer = false;
            self.is_it = false;
            return None;
        }
        Some(batch)
    }
}

/// After a panic.
impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_it {
            self.shared.lane(self.lane).has_writer = false;
        }
    }
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        Self::Unavailable(Box::new(full))
    }
}

impl From<Arc<StoreError>> for ApiError {
    fn from(error: Arc<StoreError>) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}
