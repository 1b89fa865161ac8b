//! What one account may take of a replica at a time, so that whoever sends most does not
//! get most: connections to the database and the processors, which all share, and
//! memory for answers that its clients do not read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Large bodies and large answers of an account that are read and written at a time.
const LARGE_EACH: usize = 2;

/// Bytes of an account's answers that may wait to be read before its further requests
/// wait, too: a few of the largest.
const UNREAD_MAX: usize = 16 * 1024 * 1024;

/// One for all workers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    each: usize,
    /// Only those that have something under way.
    accounts: Mutex<HashMap<i64, Arc<Account>>>,
}

#[derive(Debug)]
struct Account {
    turns: Arc<Semaphore>,
    large: Arc<Semaphore>,
    unread: watch::Sender<usize>,
}

/// A connection, or large work, that an account has.
#[derive(Debug)]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
    _visit: Visit,
}

/// An answer being read, until this is dropped.
#[derive(Debug)]
pub struct Unread {
    bytes: usize,
    visit: Visit,
}

/// Keeps an account known while it has something under way.
#[derive(Debug)]
struct Visit {
    account: i64,
    own: Arc<Account>,
    shared: Arc<Shared>,
}

impl Turns {
    /// So many turns for each account at a time; 0 is no limit.
    pub fn new(each: usize) -> Self {
        let each = if each == 0 {
            Semaphore::MAX_PERMITS
        } else {
            each.min(Semaphore::MAX_PERMITS)
        };
        Self(Arc::new(Shared {
            each,
            accounts: Mutex::default(),
        }))
    }

    /// Waits until it is this request's turn to have a connection, first come, first
    /// served, and the account's clients have read most of what they were answered before.
    /// Whoever has one must not wait for another turn of any kind.
    pub async fn connection(&self, account: i64) -> Turn {
        let visit = self.visit(account);
        let own = &visit.own;
        let mut unread = own.unread.subscribe();
        if own.turns.available_permits() == 0 || *unread.borrow() >= UNREAD_MAX {
            metrics::counter!("escapement_requests_queued_total").increment(1);
        }
        // Errors would say that something was closed, which nobody does.
        let permit = own.turns.clone().acquire_owned().await.ok();
        let _ = unread.wait_for(|bytes| *bytes < UNREAD_MAX).await;
        Turn {
            _permit: permit,
            _visit: visit,
        }
    }

    /// Waits until it is this request's turn to read or write what is large.
    pub async fn large(&self, account: i64) -> Turn {
        let visit = self.visit(account);
        let permit = visit.own.large.clone().acquire_owned().await.ok();
        Turn {
            _permit: permit,
            _visit: visit,
        }
    }

    /// Counts an answer of so many bytes while it is sent.
    pub fn unread(&self, account: i64, bytes: usize) -> Unread {
        let visit = self.visit(account);
        visit.own.unread.send_modify(|unread| *unread += bytes);
        Unread { bytes, visit }
    }

    fn visit(&self, account: i64) -> Visit {
        let mut accounts = self.0.accounts();
        let own = accounts.entry(account).or_insert_with(|| {
            Arc::new(Account {
                turns: Arc::new(Semaphore::new(self.0.each)),
                large: Arc::new(Semaphore::new(LARGE_EACH)),
                unread: watch::Sender::new(0),
            })
        });
        Visit {
            account,
            own: own.clone(),
            shared: self.0.clone(),
        }
    }
}

impl Shared {
    fn accounts(&self) -> MutexGuard<'_, HashMap<i64, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut accounts = self.shared.accounts();
        // Of the map and of this visit: nobody else comes while the map is locked.
        if Arc::strong_count(&self.own) == 2 {
            accounts.remove(&self.account);
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let own = &self.visit.own;
        own.unread.send_modify(|unread| *unread -= self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_account_has_so_many_turns() {
        let turns = Turns::new(2);
        let (first, second) = (turns.connection(1).await, turns.connection(1).await);
        let mut third = Box::pin(turns.connection(1));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(
            turns.connection(2).now_or_never().is_some(),
            "another account"
        );
        drop(first);
        let third = third.now_or_never();
        assert!(third.is_some());
        drop((second, third));
        assert!(turns.0.accounts().is_empty(), "nothing is kept of them");
    }

    #[tokio::test]
    async fn none_is_no_limit() {
        let turns = Turns::new(0);
        let mut taken = Vec::new();
        for _ in 0..1000 {
            taken.push(turns.connection(1).await);
        }
    }

    #[tokio::test]
    async fn who_does_not_read_waits() {
        let turns = Turns::new(2);
        let first = turns.unread(1, UNREAD_MAX - 1);
        assert!(turns.connection(1).now_or_never().is_some());
        let second = turns.unread(1, 1);
        let mut waiting = Box::pin(turns.connection(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(
            turns.connection(2).now_or_never().is_some(),
            "another account"
        );
        drop(second);
        assert!(waiting.now_or_never().is_some());
        drop(first);
        assert!(turns.0.accounts().is_empty(), "nothing is kept of them");
    }
}
