//! The JSON of regions and sizes.

use serde::Serialize;
use utoipa::ToSchema;

/// A region that execs can run in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Region)]
pub struct RegionView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Whether it is that of jobs that name none.
    pub is_default: bool,
}

/// What a size grants, in Kubernetes quantities.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Size)]
pub struct SizeView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Cores, or thousandths of one.
    pub cpu: &'a str,
    /// Bytes.
    pub memory: &'a str,
    /// Bytes of the node's disk, where they are limited.
    #[schema(required)]
    pub disk: Option<&'a str>,
}
