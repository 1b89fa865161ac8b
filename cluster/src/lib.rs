//! Kubernetes access shared by the executor and the log service, so that both
//! read the same labels, wait the same times and hold the same finalizers.

pub mod cache;
pub mod call;
pub mod clients;
pub mod config;
pub mod create;
pub mod finalizer;
pub mod identity;
pub mod instant;
pub mod names;
pub mod patch;
pub mod watch;

pub use cache::{Cache, Indexed};
pub use call::{CallError, insist, persist};
pub use clients::{Clients, ConnectError};
pub use config::{ClusterConfig, selector};
pub use create::create;
pub use finalizer::{FinalizerError, Removal};
pub use identity::PodIdentity;
pub use instant::instant;
pub use watch::Watch;
