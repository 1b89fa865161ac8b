//! What every request may use.

use std::sync::Arc;

use bus::Publisher;
use chassis::Tasks;
use store::Store;
use store::secrets::Keyring;

use crate::catalog::Catalog;
use crate::config::RegistrationConfig;
use crate::limits::Limits;
use crate::password::Passwords;
use crate::verified::VerifiedTokens;
use crate::waiting::Waiting;

/// The gateway's hands; one for all workers.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The database, with the gateway's rights.
    pub store: Store,
    /// Announces what was committed.
    pub publisher: Publisher,
    /// Owns work that must not end with its request.
    pub tasks: Tasks,
    /// What this deployment offers.
    pub catalog: Catalog,
    /// Seals what must not be read in the database.
    pub keyring: Keyring,
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
