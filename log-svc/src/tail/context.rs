//! What the tails of a process share: connections, limits, the wish to stop.

use chassis::{Process, Traces};
use kube::Client;
use store::logs::{self, UnreadStream};
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::TailConfig;

/// What all tails of a process share.
pub struct TailContext {
    pub(super) store: Store,
    pub(super) unary: Client,
    pub(super) logs: Client,
    pub(super) region: String,
    pub(super) config: TailConfig,
    pub(super) follows: Semaphore,
    pub(super) final_reads: Semaphore,
    pub(super) traces: Traces,
    pub(super) stopping: CancellationToken,
}

impl TailContext {
    /// For the pods of one region.
    pub fn new(
        store: Store,
        clients: &cluster::Clients,
        region: String,
        config: TailConfig,
        process: &Process,
    ) -> Self {
        Self {
            store,
            unary: clients.unary.clone(),
            logs: clients.logs.clone(),
            region,
            follows: Semaphore::new(config.follows),
            final_reads: Semaphore::new(config.final_reads),
            config,
            traces: process.traces.clone(),
            stopping: process.tasks.stopping(),
        }
    }

    /// Streams of the region that somebody has to seal.
    pub async fn left_open(&self) -> Result<Vec<UnreadStream>, StoreError> {
        let mut conn = self.store.connection().await?;
        let mut streams = logs::unsealed(&mut conn, &self.region).await?;
        streams.extend(logs::abandoned(&mut conn, &self.region).await?);
        Ok(streams)
    }
}
