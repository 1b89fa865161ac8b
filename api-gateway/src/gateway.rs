//! What every request may use.

use std::future::Future;

use bus::Publisher;
use chassis::Tasks;
use store::Store;
use tracing::Instrument;

use crate::catalog::Catalog;
use crate::error::ApiError;

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
}

impl Gateway {
    /// Does work to its end even if the client hangs up in the middle, which
    /// drops its handler: a write is never left half done, and what was
    /// committed is announced.
    pub async fn to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.tasks
            .spawn_finite(work.in_current_span())
            .await
            .map_err(|panic| ApiError::Internal(Box::new(panic)))?
    }
}
