//! Tokens that were verified a moment ago. A busy client costs one query per
//! [`MAX_AGE`], and what was revoked is refused everywhere when that has passed,
//! without a word between replicas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::future::Cache;
use store::{Store, StoreError, tokens};

use crate::reply::error::{ApiError, causes};
use crate::tokens::caller::Caller;

/// Age at which an answer of the database is asked for anew.
const MAX_AGE: Duration = Duration::from_millis(800);
const TOKENS_MAX: u64 = 10_000;
/// How long a token that was good once is not taken for a guess.
const KNOWN_IDLE: Duration = Duration::from_hours(1);
const KNOWN_MAX: u64 = 100_000;

/// The cache; one for all workers of a gateway.
#[derive(Debug, Clone)]
pub struct VerifiedTokens {
    store: Store,
    cache: Cache<[u8; 32], Verified>,
    /// Tokens that were good once: a guesser in their neighbourhood does not
    /// keep them out. They are verified like all others.
    known: Cache<[u8; 32], ()>,
}

#[derive(Debug, Clone)]
struct Verified {
    caller: Caller,
    /// Before the database was asked: what it said holds for no later instant.
    asked_at: Instant,
}

#[derive(Debug)]
enum Refusal {
    Unknown,
    Store(StoreError),
}

impl VerifiedTokens {
    /// An empty one.
    pub fn new(store: Store) -> Self {
        let cache = Cache::builder()
            .max_capacity(TOKENS_MAX)
            .time_to_live(MAX_AGE)
            .support_invalidation_closures()
            .build();
        let known = Cache::builder()
            .max_capacity(KNOWN_MAX)
            .time_to_idle(KNOWN_IDLE)
            .build();
        Self {
            store,
            cache,
            known,
        }
    }

    /// Has the tokens of an account asked for anew, so that who changed what they
    /// may do need not wait here; elsewhere it holds within [`MAX_AGE`].
    pub fn forget(&self, account_id: i64) {
        let theirs = move |_: &_, verified: &Verified| verified.caller.account_id() == account_id;
        // Fails without support_invalidation_closures only.
        let _ = self.cache.invalidate_entries_if(theirs);
    }

    /// The caller of a token that was verified a moment ago.
    pub async fn recent(&self, sha256: [u8; 32]) -> Option<Caller> {
        let verified = self.cache.get(&sha256).await?;
        verified.is_recent().then_some(verified.caller)
    }

    /// Whether the token was good within the last hour.
    pub async fn is_known(&self, sha256: [u8; 32]) -> bool {
        self.known.get(&sha256).await.is_some()
    }

    /// Refuses a caller who may do less by now than when their request began:
    /// its body, or a wait, may have taken long.
    pub async fn recheck(&self, caller: &Caller) -> Result<(), ApiError> {
        let now = match self.recent(caller.sha256()).await {
            Some(now) => now,
            None => self.verify(caller.sha256()).await?,
        };
        if now.covers(caller) {
            return Ok(());
        }
        Err(ApiError::Unauthenticated(
            "what the token may do has changed meanwhile; send the request again",
        ))
    }

    /// The caller of a token, from the database. Requests that ask for one token
    /// at the same time ask together.
    pub async fn verify(&self, sha256: [u8; 32]) -> Result<Caller, ApiError> {
        let arrived = Instant::now();
        loop {
            let verified = self.cache.try_get_with(sha256, self.ask(sha256));
            let verified = match verified.await {
                Ok(verified) => verified,
                Err(refusal) => {
                    if matches!(*refusal, Refusal::Unknown) {
                        self.known.invalidate(&sha256).await;
                    }
                    return Err(refusal.into());
                }
            };
            self.known.insert(sha256, ()).await;
            if verified.is_recent() || verified.asked_at >= arrived {
                return Ok(verified.caller);
            }
            self.cache.invalidate(&sha256).await;
        }
    }

    async fn ask(&self, sha256: [u8; 32]) -> Result<Verified, Refusal> {
        let asked_at = Instant::now();
        let mut conn = self.store.connection().await.map_err(Refusal::Store)?;
        let bearer = tokens::verify(&mut conn, sha256).await;
        let bearer = bearer.map_err(Refusal::Store)?.ok_or(Refusal::Unknown)?;
        Ok(Verified {
            caller: Caller::new(Arc::new(bearer), sha256),
            asked_at,
        })
    }
}

impl Verified {
    fn is_recent(&self) -> bool {
        self.asked_at.elapsed() <= MAX_AGE
    }
}

impl From<Arc<Refusal>> for ApiError {
    fn from(refusal: Arc<Refusal>) -> Self {
        match &*refusal {
            Refusal::Unknown => Self::Unauthenticated("the token is unknown, expired or revoked"),
            Refusal::Store(error) if error.is_unavailable() => {
                Self::Unavailable(causes(error).into())
            }
            Refusal::Store(error) => Self::Internal(causes(error).into()),
        }
    }
}
