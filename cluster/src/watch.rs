//! List and watch that cannot go deaf: errors back off, a cut or expired watch
//! lists again, and every few minutes everything is listed anew, because watch
//! delivery may skip changes and a dead connection says nothing.

use std::fmt::Debug;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures::StreamExt;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use shared_types::{ExecId, Shards};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::cache::{Cache, CacheWriter, Indexed};
use crate::names::SHARD;

/// The API server ends a watch after this time and the next one begins.
pub(crate) const SERVER_TIMEOUT: Duration = Duration::from_secs(170);
/// A full list is made at least this often; an age above twice this (see
/// `escapement_watch_alive_timestamp_seconds`) means that the watch is stuck.
const RELIST: Duration = Duration::from_mins(5);

/// A watch of one kind that fills a [`Cache`].
#[derive(Debug)]
pub struct Watch<K> {
    api: Api<K>,
    kind: &'static str,
    selector: String,
    shards: watch::Receiver<Shards>,
    cache: Cache<K>,
}

impl<K> Watch<K>
where
    K: Indexed + Debug + DeserializeOwned,
{
    /// A watch of what `api` shows under `selector`, of the execs of `shards`. `api`
    /// should belong to [`crate::Clients::watch`]; `kind` names it in logs and metrics.
    pub fn new(
        api: Api<K>,
        kind: &'static str,
        selector: String,
        shards: watch::Receiver<Shards>,
    ) -> Self {
        Self {
            api,
            kind,
            selector,
            shards,
            cache: Cache::default(),
        }
    }

    /// What the watch has shown so far.
    pub fn cache(&self) -> Cache<K> {
        self.cache.clone()
    }

    /// Watches until asked to stop, from when the shards are first told. `listed` is
    /// called whenever a list is complete, also if there is nothing to list; `changed`
    /// with every exec that looks different, also when its object vanished unseen or its
    /// shard is watched no more. Neither may block.
    pub async fn run(
        mut self,
        stopping: CancellationToken,
        mut listed: impl FnMut() + Send,
        changed: impl Fn(ExecId) + Send,
    ) {
        let mut writer = CacheWriter::new(self.cache.clone());
        let rounds = async {
            // Nobody is left to tell of shards where the sender is gone: the process stops.
            let mut is_assigned = self.shards.changed().await;
            while is_assigned.is_ok() {
                let shards = *self.shards.borrow_and_update();
                writer.watch(shards).into_iter().for_each(&changed);
                let mut news = self.shards.clone();
                is_assigned = if shards.is_empty() {
                    listed();
                    news.changed().await
                } else {
                    tokio::select! {
                        told = news.changed() => told,
                        () = self.round(shards, &mut writer, &mut listed, &changed) => Ok(()),
                    }
                };
            }
        };
        stopping.run_until_cancelled(rounds).await;
    }

    /// One list and what follows it, until it is time to list again.
    async fn round(
        &self,
        shards: Shards,
        writer: &mut CacheWriter<K>,
        listed: &mut (impl FnMut() + Send),
        changed: &(impl Fn(ExecId) + Send),
    ) {
        let config = watcher::Config::default()
            .labels(&self.selector_of(shards))
            .timeout(u32::try_from(SERVER_TIMEOUT.as_secs()).unwrap_or(u32::MAX));
        let mut events = pin!(watcher(self.api.clone(), config).default_backoff());
        let until = Instant::now() + RELIST;
        while let Ok(Some(event)) = timeout_at(until, events.next()).await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    self.failed(&error);
                    continue;
                }
            };
            self.alive();
            let complete = matches!(event, watcher::Event::InitDone);
            writer.apply(event).into_iter().for_each(changed);
            if complete {
                listed();
            }
        }
    }

    fn selector_of(&self, shards: Shards) -> String {
        if shards == Shards::ALL {
            return self.selector.clone();
        }
        let numbers: Vec<String> = shards.numbers().iter().map(i16::to_string).collect();
        format!("{},{SHARD} in ({})", self.selector, numbers.join(","))
    }

    fn failed(&self, error: &watcher::Error) {
        let error: &dyn std::error::Error = error;
        tracing::warn!(
            kind = self.kind,
            error,
            "watch failed; it will be taken up again"
        );
        metrics::counter!("escapement_watch_errors_total", "kind" => self.kind).increment(1);
    }

    fn alive(&self) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        metrics::gauge!("escapement_watch_alive_timestamp_seconds", "kind" => self.kind)
            .set(now.as_secs_f64());
    }
}
