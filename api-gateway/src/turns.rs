//! How many requests of one account are worked on at a time. All of them share the
//! connections to the database and the workers; without turns, whoever sends most gets
//! most, and everybody else waits behind it.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Accounts that are remembered, and for how long after their last request. One that is
/// forgotten while it works may for a moment work on more.
const ACCOUNTS: u64 = 100_000;
const IDLE: Duration = Duration::from_mins(10);

/// One for all workers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    each: usize,
    accounts: Cache<i64, Arc<Semaphore>>,
}

/// A request being worked on.
#[derive(Debug)]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many turns for each account at a time; 0 is no limit.
    pub fn new(each: usize) -> Self {
        let each = if each == 0 {
            Semaphore::MAX_PERMITS
        } else {
            each.min(Semaphore::MAX_PERMITS)
        };
        let accounts = Cache::builder().max_capacity(ACCOUNTS).time_to_idle(IDLE);
        Self {
            each,
            accounts: accounts.build(),
        }
    }

    /// Waits until it is this request's turn: first come, first served.
    pub async fn take(&self, account: i64) -> Turn {
        let own = || Arc::new(Semaphore::new(self.each));
        let own = self.accounts.get_with(account, own);
        if own.available_permits() == 0 {
            metrics::counter!("escapement_requests_queued_total").increment(1);
        }
        Turn {
            // An error would say that it was closed, which nobody does.
            _permit: own.acquire_owned().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_account_has_so_many_turns() {
        let turns = Turns::new(2);
        let (first, _second) = (turns.take(1).await, turns.take(1).await);
        let mut third = Box::pin(turns.take(1));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.take(2).now_or_never().is_some(), "another account");
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn none_is_no_limit() {
        let turns = Turns::new(0);
        let mut taken = Vec::new();
        for _ in 0..1000 {
            taken.push(turns.take(1).await);
        }
    }
}
