//! The JSON of regions and sizes.

use serde::Serialize;

/// A region that execs can run in.
#[derive(Debug, Serialize)]
pub struct RegionView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Whether it is that of jobs that name none.
    pub is_default: bool,
}

/// What a size grants, in Kubernetes quantities.
#[derive(Debug, Serialize)]
pub struct SizeView<'a> {
    /// What jobs name it by.
    pub name: &'a str,
    /// Cores, or thousandths of one.
    pub cpu: &'a str,
    /// Bytes.
    pub memory: &'a str,
    /// Bytes of the node's disk, where they are limited.
    pub disk: Option<&'a str>,
}
