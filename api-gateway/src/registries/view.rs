//! The JSON of registries.

use serde::Serialize;
use store::registries::Registry;
use utoipa::ToSchema;

use crate::reply::timestamp::Timestamp;

/// A private registry; its password is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registry)]
pub struct RegistryView {
    /// Its host, and its port.
    registry: String,
    /// Whom images are pulled as.
    username: String,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl From<Registry> for RegistryView {
    fn from(registry: Registry) -> Self {
        Self {
            registry: registry.registry,
            username: registry.username,
            updated_at: Timestamp(registry.updated_at),
        }
    }
}
