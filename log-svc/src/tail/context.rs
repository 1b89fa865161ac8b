//! What the tails of a process share: connections, limits, the wish to stop.

use chassis::{Process, Traces};
use kube::Client;
use shared_types::Shards;
use store::logs::{self, UnreadStream};
use store::secrets::Keyring;
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, KeepConfig, TailConfig};

/// What all tails of a process share.
pub struct TailContext {
    pub(crate) store: Store,
    pub(super) keyring: Keyring,
    pub(super) unary: Client,
    pub(super) logs: Client,
    pub(super) region: String,
    pub(crate) config: TailConfig,
    pub(super) keep: KeepConfig,
    pub(super) follows: Semaphore,
    pub(super) final_reads: Semaphore,
    pub(super) traces: Traces,
    pub(super) stopping: CancellationToken,
}

impl TailContext {
    /// For the pods of the configured region.
    pub fn new(
        config: &Config,
        store: Store,
        keyring: Keyring,
        clients: &cluster::Clients,
        process: &Process,
    ) -> Self {
        Self {
            store,
            keyring,
            unary: clients.unary.clone(),
            logs: clients.logs.clone(),
            region: config.cluster.region.clone(),
            follows: Semaphore::new(config.tail.follows),
            final_reads: Semaphore::new(config.tail.final_reads),
            config: config.tail.clone(),
            keep: config.keep.clone(),
            traces: process.traces.clone(),
            stopping: process.tasks.stopping(),
        }
    }

    /// Streams of these shards of the region that somebody has to seal.
    pub async fn left_open(&self, shards: Shards) -> Result<Vec<UnreadStream>, StoreError> {
        if shards.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.store.connection().await?;
        let mut streams = logs::unsealed(&mut conn, &self.region).await?;
        streams.extend(logs::abandoned(&mut conn, &self.region).await?);
        streams.retain(|stream| shards.contains(stream.key.exec.shard()));
        Ok(streams)
    }
}
