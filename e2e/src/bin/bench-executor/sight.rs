//! What a watch of the cluster has seen, and when: the clock of every figure here, the same
//! for both sides.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

/// When an object was first and last seen, by its name.
type Seen = HashMap<String, (SystemTime, Option<SystemTime>)>;

/// A watch that runs until this is dropped.
pub(crate) struct Sight<K> {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
    /// Every state of every object, for who acts on it.
    pub(crate) states: mpsc::UnboundedReceiver<K>,
    _watch: JoinSet<()>,
}

impl<K> Sight<K>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    /// Watches what `api` shows under `selector`; there must be nothing yet.
    pub(crate) async fn of(api: Api<K>, selector: &str) -> Result<Self> {
        let (seen, changed): (Arc<Mutex<Seen>>, Arc<Notify>) = Default::default();
        let (tell, states) = mpsc::unbounded_channel();
        let config = watcher::Config::default().labels(selector);
        let mut tasks = JoinSet::new();
        let listed = Arc::new(Notify::new());
        let task = (seen.clone(), changed.clone(), listed.clone());
        tasks.spawn(async move {
            let (seen, changed, listed) = task;
            let mut events = pin!(watch(api, config).default_backoff());
            while let Some(event) = events.next().await {
                let now = SystemTime::now();
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        seen.entry(object.name_any()).or_insert((now, None));
                        // Nobody may want to know.
                        let _ = tell.send(object);
                    }
                    Ok(Event::Delete(object)) => {
                        seen.entry(object.name_any()).or_insert((now, None)).1 = Some(now);
                    }
                    Ok(Event::InitDone) => listed.notify_one(),
                    Ok(Event::Init) | Err(_) => {}
                }
                changed.notify_one();
            }
        });
        listed.notified().await;
        Ok(Self {
            seen,
            changed,
            states,
            _watch: tasks,
        })
    }

    /// Waits until this many were seen, and tells when each first was.
    pub(crate) async fn first(&self, count: usize, limit: Duration) -> Result<Vec<SystemTime>> {
        self.until(limit, |seen| {
            let mut times: Vec<_> = seen.values().map(|(first, _)| *first).collect();
            times.sort();
            (times.len() >= count).then_some(times).ok_or(seen.len())
        })
        .await
    }

    /// Waits until this many are gone again, and tells when the last went.
    pub(crate) async fn gone(&self, count: usize, limit: Duration) -> Result<SystemTime> {
        self.until(limit, |seen| {
            let gone: Vec<_> = seen.values().filter_map(|(_, gone)| *gone).collect();
            let last = gone.iter().max().copied();
            last.filter(|_| gone.len() >= count).ok_or(gone.len())
        })
        .await
    }

    /// Waits until nothing is left.
    pub(crate) async fn none(&self, limit: Duration) -> Result<()> {
        self.until(limit, |seen| {
            let left = seen.values().filter(|(_, gone)| gone.is_none()).count();
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await
    }

    async fn until<T>(
        &self,
        limit: Duration,
        look: impl Fn(&Seen) -> Result<T, usize>,
    ) -> Result<T> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let found = look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner));
            let so_far = match found {
                Ok(found) => return Ok(found),
                Err(so_far) => so_far,
            };
            let changed = tokio::time::timeout_at(deadline, self.changed.notified()).await;
            changed.with_context(|| format!("{so_far} after {limit:?}"))?;
        }
    }
}

/// From one moment to another.
pub(crate) fn between(from: SystemTime, to: SystemTime) -> Result<Duration> {
    ensure!(to >= from, "the clock was set");
    Ok(to.duration_since(from)?)
}
