//! Keeps this replica's share of the shards: a loop around
//! [`store::leases::Member::step`] that says so on time and takes over from a
//! replica that fell silent as soon as its time is up.

use std::time::{Duration, Instant};

use chassis::Backoff;
use shared_types::Shards;
use store::leases::{Member, Tenure};
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::report;

/// How long one step may take before it counts as failed.
const STEP_LIMIT: Duration = Duration::from_secs(2);
/// Let somebody else's time really be up before looking.
const GRACE: Duration = Duration::from_millis(20);

/// Keeps the share until `stopping`, then gives it back.
pub async fn run(
    store: Store,
    ttl: Duration,
    shards: watch::Sender<Shards>,
    stopping: CancellationToken,
) {
    let mut member = Member::new("", ttl);
    let mut backoff = Backoff::default();
    let mut is_known_until = Instant::now();
    while !stopping.is_cancelled() {
        let began = Instant::now();
        let delay = match step(&store, &mut member).await {
            Ok(tenure) => {
                backoff.reset();
                is_known_until = began + ttl;
                report::tenure(&tenure);
                shards.send_if_modified(|known| {
                    std::mem::replace(known, tenure.shards) != tenure.shards
                });
                let next = tenure.next_expiry.map_or(ttl, |next| next + GRACE);
                next.min(ttl / 3)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "cannot say that this replica is there");
                // Others may have them by now. Nothing would go wrong, but two
                // would do the work of one.
                if Instant::now() > is_known_until {
                    shards.send_if_modified(|known| !std::mem::take(known).is_empty());
                }
                backoff.next_delay().min(ttl / 3)
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
    if let Err(error) = leave(&store, &member).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(
            error,
            "cannot give the shards back; they are free after their time"
        );
    }
}

async fn step(store: &Store, member: &mut Member) -> Result<Tenure, StoreError> {
    let step = async { member.step(&mut *store.connection().await?).await };
    limited(step).await
}

async fn leave(store: &Store, member: &Member) -> Result<(), StoreError> {
    limited(async { member.leave(&mut *store.connection().await?).await }).await
}

async fn limited<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STEP_LIMIT, work)
        .await
        .unwrap_or_else(|late| Err(StoreError::Unavailable(Box::new(late))))
}
