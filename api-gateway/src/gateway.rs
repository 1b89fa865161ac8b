//! What every request may use.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bus::Publisher;
use chassis::Tasks;
use moka::sync::Cache;
use shared_types::JobId;
use store::secrets::Keyring;
use store::{PgConnection, PooledConnection, Store};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::accounts::password::Passwords;
use crate::catalog::Catalog;
use crate::config::RegistrationConfig;
use crate::execs::together::Together;
use crate::execs::waiting::Waiting;
use crate::logs::followers::Followers;
use crate::reply::error::ApiError;
use crate::request::limits::Limits;
use crate::request::turns::{Turn, Turns};
use crate::tokens::caller::Caller;
use crate::tokens::verified::VerifiedTokens;

/// The connections, caches and limits of this process; one for all workers.
#[derive(Debug)]
pub struct Gateway {
    /// The database, with the gateway's rights.
    pub store: Store,
    /// Announces what was committed.
    pub publisher: Publisher,
    /// The threads of the process, beside the workers that answer connections.
    pub runtime: Handle,
    /// Owns work that must not end with its request.
    pub tasks: Tasks,
    /// What this deployment offers.
    pub catalog: Catalog,
    /// Seals what must not be read in the database.
    pub keyring: Keyring,
    /// What one account may take at a time.
    pub turns: Turns,
    /// How often one client may ask.
    pub limits: Arc<Limits>,
    /// Who is behind a token.
    pub tokens: VerifiedTokens,
    /// Who waits for execs to end.
    pub waiting: Waiting,
    /// Who follows logs.
    pub followers: Followers,
    /// Triggers that wait to be written.
    pub together: Together,
    /// The namespaces of jobs that were triggered.
    pub namespaces: Cache<JobId, Arc<str>>,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Whether strangers may become users.
    pub registration: RegistrationConfig,
}

/// A connection to the database on behalf of an account.
pub struct Lent {
    // Given back before the turn is.
    connection: PooledConnection,
    _turn: Option<Turn>,
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl Gateway {
    /// A connection to the database when it is the caller's turn; who has no token has no
    /// turns. Whoever holds one must not ask for another, nor for work
    /// [`aside`](Self::aside): an account may have a single turn.
    pub async fn connection(&self, caller: impl Into<Option<&Caller>>) -> Result<Lent, ApiError> {
        let turn = match caller.into() {
            Some(caller) => Some(self.turns.connection(caller.account_id()).await),
            None => None,
        };
        Ok(Lent {
            connection: self.store.connection().await?,
            _turn: turn,
        })
    }

    /// Does work that may take long without waiting for anything, such as writing a
    /// large answer, beside the workers: each of these answers many connections on
    /// one thread. It begins when it is the account's turn. Who hangs up ends it.
    pub async fn aside<T>(
        &self,
        account: i64,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
    {
        let _turn = self.turns.large(account).await;
        AbortOnDropHandle::new(self.runtime.spawn(work.in_current_span()))
            .await
            .map_err(|panic| ApiError::Internal(Box::new(panic)))?
    }
}
