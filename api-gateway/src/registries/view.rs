//! The JSON of registries.

use serde::Serialize;
use store::registries::Registry;
use utoipa::ToSchema;

use crate::jobs::image::registry_schema;
use crate::openapi::types::schemas;
use crate::reply::timestamp::Timestamp;

/// A private registry; its password is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registry)]
pub struct RegistryView {
    #[schema(schema_with = registry_schema)]
    registry: String,
    #[schema(schema_with = username)]
    username: String,
    /// When it was last changed.
    updated_at: Timestamp,
}

schemas! {
    username = super::username().schema();
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
