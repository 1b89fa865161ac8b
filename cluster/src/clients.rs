//! Three clients, because one read timeout cannot fit all: a call must answer
//! soon, a watch may be quiet for minutes, a log for as long as its program.

use std::time::Duration;

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use thiserror::Error;

use crate::config::ClusterConfig;
use crate::watch;

/// A single call that says nothing for this long has failed.
const UNARY_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A log follow that is silent for this long is opened again.
const LOGS_READ_TIMEOUT: Duration = Duration::from_mins(2);

/// Access to one cluster.
#[derive(Clone)]
pub struct Clients {
    /// Create, get, patch, delete. Does not retry by itself: callers wrap it
    /// in [`crate::call::persist`], whose deadline they choose.
    pub unary: Client,
    /// Lists and watches.
    pub watch: Client,
    /// Log follows.
    pub logs: Client,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// Why there are no clients. The cluster itself was not asked anything yet.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The file cannot be used.
    #[error("the kubeconfig (cluster.kubeconfig) cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// No file was named and this process does not run in a cluster.
    #[error("cluster.kubeconfig is not set and this process runs in no cluster")]
    InCluster(#[source] kube::config::InClusterError),
    /// TLS or authentication could not be set up.
    #[error("the Kubernetes client could not be made")]
    Client(#[source] kube::Error),
}

impl Clients {
    /// Reads the credentials and makes the clients; connects on first use.
    pub async fn new(config: &ClusterConfig) -> Result<Self, ConnectError> {
        let base = load(config).await?;
        let watch_read_timeout = watch::SERVER_TIMEOUT + Duration::from_secs(20);
        Ok(Self {
            unary: client(&base, UNARY_READ_TIMEOUT)?,
            watch: client(&base, watch_read_timeout)?,
            logs: client(&base, LOGS_READ_TIMEOUT)?,
        })
    }
}

async fn load(config: &ClusterConfig) -> Result<Config, ConnectError> {
    let Some(path) = &config.kubeconfig else {
        return Config::incluster().map_err(ConnectError::InCluster);
    };
    let file = Kubeconfig::read_from(path).map_err(ConnectError::Kubeconfig)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(ConnectError::Kubeconfig)
}

fn client(base: &Config, read_timeout: Duration) -> Result<Client, ConnectError> {
    let mut config = base.clone();
    config.connect_timeout = Some(Duration::from_secs(10));
    config.read_timeout = Some(read_timeout);
    // Otherwise the idle time of a pooled connection counts too.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    Client::try_from(config).map_err(ConnectError::Client)
}
