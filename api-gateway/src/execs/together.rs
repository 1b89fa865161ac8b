//! Plain triggers, of which there are the most: those that wait at the same moment are
//! written together, by one statement and so by one commit. While one batch is written, others
//! gather, and a second one of the same size may begin (`line.rs`).
//!
//! Who hangs up takes nothing back: what waits is written, and announced.

mod line;
mod queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::Publisher;
use chassis::Tasks;
use store::execs::{Exec, PlainTrigger, Written, trigger_together};
use store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::line::Line;
use self::queue::{FairQueue, Full};
use crate::reply::error::ApiError;

/// Triggers that may wait, and those of one account among them.
const WAITING_MAX: usize = 8192;
const WAITING_EACH: usize = 2048;

type Outcome = Result<Option<Written>, Arc<StoreError>>;

/// Who waits for it, and what became of it.
type Answer = (oneshot::Sender<Outcome>, Outcome);

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
    line: Mutex<Line<Waiting>>,
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
        Self(Arc::new(Shared {
            store,
            publisher,
            tasks,
            runtime: Handle::current(),
            line: Mutex::new(Line::new(FairQueue::new(WAITING_MAX, WAITING_EACH))),
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
        let mut line = self.0.line();
        if let Err(full) = line.push(account, waiting) {
            metrics::counter!("escapement_triggers_refused_total").increment(1);
            return Err(full);
        }
        if let Some(batch) = line.begin() {
            drop(line);
            let writer = Writer {
                shared: self.0.clone(),
                under_way: Some(batch.len()),
            };
            let _there = self.0.runtime.enter();
            drop(self.0.tasks.spawn_finite(writer.run(batch)));
        }
        Ok(())
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line<Waiting>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, batch: Vec<Waiting>) -> Vec<Answer> {
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
        answers.into_iter().zip(written).collect()
    }

    /// Announces what was written, and tells who waits for it.
    fn tell(&self, written: Vec<Answer>) {
        let execs = written.iter().map(|(_, outcome)| outcome);
        self.announce(execs.filter_map(|outcome| outcome.as_ref().ok()?.as_ref()));
        for (answer, outcome) in written {
            // Who hung up does not need it.
            let _ = answer.send(outcome);
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

/// Writes one batch after the other, for as long as one is to begin when one has ended.
struct Writer {
    shared: Arc<Shared>,
    /// The size of the batch that is being written.
    under_way: Option<usize>,
}

impl Writer {
    async fn run(mut self, first: Vec<Waiting>) {
        let mut written = self.shared.write(first).await;
        while let Some(batch) = self.next() {
            // Who waits is told while Postgres is at work on the next batch.
            let tell = async { self.shared.tell(written) };
            (written, ()) = tokio::join!(biased; self.shared.write(batch), tell);
        }
        self.shared.tell(written);
    }

    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut line = self.shared.line();
        if let Some(size) = self.under_way.take() {
            line.end(size);
        }
        let batch = line.begin()?;
        self.under_way = Some(batch.len());
        Some(batch)
    }
}

/// After a panic.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(size) = self.under_way {
            self.shared.line().end(size);
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
