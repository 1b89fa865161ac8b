//! Requests that wait for an exec to end. All of them share one reader of hints
//! and one query: a hint wakes only who waits for its exec, and because hints
//! can be lost, everybody waited for is looked up together once an interval,
//! nobody while nobody waits.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Hints;
use futures::FutureExt;
use shared_types::ExecId;
use shared_types::message::Hint;
use store::{Store, StoreError, execs};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::reply::error::causes;
use crate::request::limits::Limit;
use crate::request::places::{Full, Place, Places, Rooms};

/// How long a waiter may be late when its hint was lost.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Who waits for which exec.
#[derive(Debug, Clone)]
pub struct Waiting(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Places,
    execs: Mutex<Execs>,
    /// Woken when there is something to look up.
    work: Notify,
}

#[derive(Debug, Default)]
struct Execs {
    /// The value turns true when the exec has ended or is gone.
    waited_for: HashMap<ExecId, watch::Sender<bool>>,
    /// Those that may have ended.
    doubtful: HashSet<ExecId>,
}

/// One request's place.
#[derive(Debug)]
pub struct Waiter {
    ended: watch::Receiver<bool>,
    _place: Place,
}

impl Waiter {
    /// Returns when the exec has ended or is gone.
    pub async fn ended(&mut self) {
        // The sender goes only after it has told.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

impl Waiting {
    /// Room for this many requests.
    pub fn new(rooms: Rooms) -> Self {
        Self(Arc::new(Shared {
            places: Places::new(rooms),
            execs: Mutex::default(),
            work: Notify::new(),
        }))
    }

    /// A place of this account to wait for an exec, which is looked up once from now
    /// on, whatever happened before; or which limit leaves no room.
    pub fn join(&self, account: i64, exec: ExecId) -> Result<Waiter, Limit> {
        let place = self.0.places.take(account).map_err(|full| match full {
            Full::All => Limit::Waiting,
            Full::Account => Limit::WaitingAccount,
        })?;
        let mut execs = self.execs();
        let sender = execs.waited_for.entry(exec);
        let ended = sender
            .or_insert_with(|| watch::Sender::new(false))
            .subscribe();
        execs.doubtful.insert(exec);
        self.0.work.notify_one();
        Ok(Waiter {
            ended,
            _place: place,
        })
    }

    /// The loop that wakes waiters, until it is asked to stop.
    pub async fn serve(
        self,
        store: Store,
        (mut hints, every): (Hints, Duration),
        stopping: CancellationToken,
    ) {
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                hint = hints.recv() => {
                    let mut next = hint;
                    while let Some(hint) = next {
                        self.heard(&hint);
                        next = hints.recv().now_or_never().flatten();
                    }
                }
                () = self.0.work.notified() => {}
                _ = ticks.tick() => self.doubt_all(),
            }
            if let Err(error) = self.look_up(&store).await {
                tracing::warn!(
                    error = causes(&error),
                    "execs waited for could not be looked up"
                );
            }
        }
    }

    fn heard(&self, hint: &Hint) {
        if let Hint::ExecChanged { exec_id } = hint {
            let mut execs = self.execs();
            if execs.waited_for.contains_key(exec_id) {
                execs.doubtful.insert(*exec_id);
            }
        }
    }

    /// Also forgets whom nobody waits for any more.
    fn doubt_all(&self) {
        let mut execs = self.execs();
        execs
            .waited_for
            .retain(|_, sender| sender.receiver_count() > 0);
        execs.doubtful = execs.waited_for.keys().copied().collect();
    }

    /// One query, or none; after an error the next tick asks again.
    async fn look_up(&self, store: &Store) -> Result<(), StoreError> {
        let doubtful: Vec<_> = self.execs().doubtful.drain().collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        let mut conn = store.connection().await?;
        let open: HashSet<_> = execs::open_among(&mut conn, &doubtful)
            .await?
            .into_iter()
            .collect();
        let mut execs = self.execs();
        for exec in doubtful.iter().filter(|exec| !open.contains(exec)) {
            if let Some(sender) = execs.waited_for.remove(exec) {
                sender.send_replace(true);
            }
        }
        Ok(())
    }

    fn execs(&self) -> MutexGuard<'_, Execs> {
        self.0.execs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
