//! Requests that follow logs. All of them share one reader of what there is: a few times
//! a second it asks at once for the heads of all logs that are followed, so that many
//! followers of silent programs cost what one does. Nobody follows, nothing is asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_types::ExecId;
use store::logs::Head;
use store::{Store, StoreError, events, execs, logs};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::reply::error::causes;
use crate::request::limits::Limit;
use crate::request::places::{Full, Place, Places, Rooms};

/// How late a follower hears of new lines at most.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// Of how many rounds one also asks what became of the execs themselves, which costs more
/// and changes seldom.
const ROUNDS: u32 = 5;

/// What there is to be read of an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Of its programs' lines.
    pub head: Head,
    /// Entries of its timeline.
    pub events: i64,
    /// Whether it goes on.
    pub is_open: bool,
}

impl Seen {
    /// What is not a matter of reading on in the same output.
    #[must_use]
    pub fn without_lines(self) -> Self {
        let head = Head {
            lines: 0,
            ..self.head
        };
        Self { head, ..self }
    }
}

/// Who follows which exec.
#[derive(Debug, Clone)]
pub struct Followers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Places,
    followed: Mutex<HashMap<ExecId, watch::Sender<Seen>>>,
    /// Woken when the first one comes.
    work: Notify,
}

/// One request's place, and what it hears.
#[derive(Debug)]
pub struct Follower {
    seen: watch::Receiver<Seen>,
    _place: Place,
}

impl Follower {
    /// What there is by now, when that is more than was seen before.
    pub async fn changed(&mut self) -> Seen {
        if self.seen.changed().await.is_err() {
            // The sender is kept while there is a receiver, or the process ends.
            std::future::pending::<()>().await;
        }
        *self.seen.borrow_and_update()
    }
}

impl Followers {
    /// Room for this many requests.
    pub fn new(rooms: Rooms) -> Self {
        Self(Arc::new(Shared {
            places: Places::new(rooms),
            followed: Mutex::default(),
            work: Notify::new(),
        }))
    }

    /// A place of this account to follow an exec: it hears of whatever comes after this
    /// call; or which limit leaves no room.
    pub fn join(&self, account: i64, exec: ExecId) -> Result<Follower, Limit> {
        let place = self.0.places.take(account).map_err(|full| match full {
            Full::All => Limit::Following,
            Full::Account => Limit::FollowingAccount,
        })?;
        let mut followed = self.followed();
        let sender = followed.entry(exec).or_default();
        let seen = sender.subscribe();
        self.0.work.notify_one();
        Ok(Follower {
            seen,
            _place: place,
        })
    }

    /// The loop that tells followers, until it is asked to stop.
    pub async fn serve(self, store: Store, stopping: CancellationToken) {
        let looking = async {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut round = 0;
            loop {
                let followed = self.still_followed();
                if followed.is_empty() {
                    self.0.work.notified().await;
                    continue;
                }
                let with_execs = round % ROUNDS == 0;
                if let Err(error) = self.look(&store, &followed, with_execs).await {
                    tracing::warn!(
                        error = causes(&error),
                        "followed logs could not be looked up"
                    );
                }
                round += 1;
                ticks.tick().await;
            }
        };
        stopping.run_until_cancelled(looking).await;
    }

    fn still_followed(&self) -> Vec<ExecId> {
        let mut followed = self.followed();
        followed.retain(|_, sender| sender.receiver_count() > 0);
        metrics::gauge!("escapement_log_followed_execs")
            .set(f64::from(u32::try_from(followed.len()).unwrap_or(u32::MAX)));
        followed.keys().copied().collect()
    }

    /// After an error the next round asks again.
    async fn look(
        &self,
        store: &Store,
        ids: &[ExecId],
        with_execs: bool,
    ) -> Result<(), StoreError> {
        let mut conn = store.connection().await?;
        let heads = logs::heads(&mut conn, ids).await?;
        let standing = if with_execs {
            let open = execs::open_among(&mut conn, ids).await?;
            let open: HashSet<_> = open.into_iter().collect();
            Some((open, events::counts(&mut conn, ids).await?))
        } else {
            None
        };
        drop(conn);
        let followed = self.followed();
        for (exec, sender) in ids.iter().filter_map(|exec| followed.get_key_value(exec)) {
            let mut now = *sender.borrow();
            now.head = heads.get(exec).copied().unwrap_or_default();
            if let Some((open, counts)) = &standing {
                now.events = counts.get(exec).copied().unwrap_or_default();
                now.is_open = open.contains(exec);
            }
            sender.send_if_modified(|seen| std::mem::replace(seen, now) != now);
        }
        Ok(())
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<ExecId, watch::Sender<Seen>>> {
        let followed = self.0.followed.lock();
        followed.unwrap_or_else(PoisonError::into_inner)
    }
}
