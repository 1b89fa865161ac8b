//! Keeps a replica's share of the shards: a loop around [`Member::step`] that says on
//! time that the replica is there, and takes over from one that fell silent as soon as its
//! time is up.

use std::time::Duration;

use metrics::gauge;
use shared_types::Shards;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{LeaseTime, Member, Tenure};
use crate::{DatabaseConfig, DatabaseRole, Store, StoreError};

/// How long one step may take before it counts as failed.
const STEP_LIMIT: Duration = Duration::from_secs(2);
/// Let somebody else's time really be up before looking.
const GRACE: Duration = Duration::from_millis(20);

/// A replica that holds its share of a service's work.
#[derive(Debug)]
pub struct Holder {
    store: Store,
    member: Member,
    ttl: Duration,
    labels: [(&'static str, String); 2],
}

impl Holder {
    /// A newcomer of `role`'s service in `region`, which is empty for a service whose work
    /// is all one; see [`Member::new`]. It has a connection of its own, so that it is not
    /// taken for dead where the others are all in use.
    pub fn new(
        database: &DatabaseConfig,
        role: DatabaseRole,
        region: &str,
        lease: LeaseTime,
    ) -> Result<Self, StoreError> {
        let database = DatabaseConfig {
            pool_size: 1,
            ..database.clone()
        };
        Ok(Self {
            store: Store::new(&database, role)?,
            member: Member::new(region, lease),
            ttl: lease.0,
            labels: [
                ("service", role.service().to_owned()),
                ("region", region.to_owned()),
            ],
        })
    }

    /// Keeps the share until `stopping`, then gives it back. Who watches `shards` is told
    /// the first share also if it is nothing. While the database is away it stays as it was:
    /// nobody can take it, and no work goes on without the database.
    pub async fn run(mut self, shards: watch::Sender<Shards>, stopping: CancellationToken) {
        let mut is_unknown = true;
        while !stopping.is_cancelled() {
            let delay = match limited(self.step()).await {
                Ok(tenure) => {
                    self.report(&tenure);
                    let is_first = std::mem::take(&mut is_unknown);
                    shards.send_if_modified(|known| {
                        std::mem::replace(known, tenure.shards) != tenure.shards || is_first
                    });
                    let next = tenure.next_expiry.map_or(self.ttl, |next| next + GRACE);
                    next.min(self.ttl / 3)
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "cannot say that this replica is there");
                    self.ttl / 6
                }
            };
            let pause = tokio::time::sleep(delay);
            stopping.run_until_cancelled(pause).await;
        }
        if let Err(error) = limited(self.leave()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "cannot give the shards back; they are free after their time"
            );
        }
    }

    async fn step(&mut self) -> Result<Tenure, StoreError> {
        self.member.step(&mut *self.store.connection().await?).await
    }

    async fn leave(&self) -> Result<(), StoreError> {
        self.member
            .leave(&mut *self.store.connection().await?)
            .await
    }

    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    fn report(&self, tenure: &Tenure) {
        gauge!("escapement_shards_owned", &self.labels).set(tenure.shards.len() as f64);
        gauge!("escapement_members", &self.labels).set(tenure.members as f64);
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STEP_LIMIT, work)
        .await
        .unwrap_or_else(|late| Err(StoreError::Unavailable(Box::new(late))))
}
