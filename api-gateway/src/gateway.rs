//! What every request may use.

use std::future::Future;
use std::sync::Arc;

use bus::Publisher;
use chassis::Tasks;
use store::Store;
use store::secrets::Keyring;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::catalog::Catalog;
use crate::config::RegistrationConfig;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::password::Passwords;
use crate::turns::Turns;
use crate::verified::VerifiedTokens;
use crate::waiting::Waiting;

/// The gateway's hands; one for all workers.
#[derive(Debug, Clone)]
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
    /// How much of one account is worked on at a time.
    pub turns: Turns,
    /// How often one client may ask.
    pub limits: Arc<Limits>,
    /// Who is behind a token.
    pub tokens: VerifiedTokens,
    /// Who waits for execs to end.
    pub waiting: Waiting,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Whether strangers may become users.
    pub registration: RegistrationConfig,
}

impl Gateway {
    /// Does work that may take long without waiting for anything, such as writing a
    /// large answer, beside the workers: each of these answers many connections on
    /// one thread. Who hangs up ends it.
    pub async fn aside<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let work = work(self.clone()).in_current_span();
        AbortOnDropHandle::new(self.runtime.spawn(work))
            .await
            .map_err(|panic| ApiError::Internal(Box::new(panic)))?
    }
}
