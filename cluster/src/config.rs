//! Which cluster, and which objects in it are this installation's.

use std::path::PathBuf;

use serde::Deserialize;

use crate::names;

/// `[cluster]`: the Kubernetes cluster of this process's region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// The region's name, as jobs name it.
    pub region: String,
    /// This installation's name; all its objects carry it as a label.
    #[serde(default = "default_instance")]
    pub instance: String,
    /// File that says how to reach the cluster; without one, the service
    /// account of the pod this process runs in.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
    /// A job-service namespace `n` is the Kubernetes namespace
    /// `<namespace_prefix>n`.
    #[serde(default = "default_namespace_prefix")]
    pub namespace_prefix: String,
}

fn default_instance() -> String {
    names::ESCAPEMENT.to_owned()
}

fn default_namespace_prefix() -> String {
    "jobs-".to_owned()
}

impl ClusterConfig {
    /// The Kubernetes namespace of a job-service namespace.
    #[must_use]
    pub fn namespace(&self, of_jobs: &str) -> String {
        format!("{}{of_jobs}", self.namespace_prefix)
    }
}

/// Label selector of every Job and Pod of this installation.
#[must_use]
pub fn selector(config: &ClusterConfig) -> String {
    format!(
        "{}={},{}={}",
        names::MANAGED_BY,
        names::ESCAPEMENT,
        names::INSTANCE,
        config.instance
    )
}
