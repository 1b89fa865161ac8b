//! The whole ring on one machine: starts, stops, kills and restarts every part.
//!
//! [`Infra`] is what the ring stands on, [`Ring`] is the four services on it;
//! several rings may share one infrastructure. Everything a stack has lives in
//! its [`Root`], and [`down`] ends all of it, also after a crash.

mod binaries;
mod cgroup;
pub mod cli;
mod command;
mod containerd;
mod credentials;
mod demo;
mod env_file;
pub mod given;
mod images;
pub mod infra;
mod kubelet;
mod kubernetes;
mod main_stack;
mod packages;
pub mod part;
mod ports;
mod postgres;
pub mod private_registry;
mod process;
pub mod progress;
pub mod rabbitmq;
mod ready;
mod registry;
mod rights;
pub mod ring;
mod room;
pub mod root;
pub mod service;
mod service_network;
pub mod session;
mod startup;
pub mod state;
mod tap;
pub mod teardown;
mod tls;
pub mod wait;

pub use given::Given;
pub use infra::Infra;
pub use part::Part;
pub use private_registry::PrivateRegistry;
pub use progress::Progress;
pub use rabbitmq::RabbitMq;
pub use ring::Ring;
pub use ring::builder::RingBuilder;
pub use root::Root;
pub use service::Service;
pub use teardown::down;

/// The kubectl program of the single-binary Kubernetes.
pub fn kubectl() -> anyhow::Result<std::path::PathBuf> {
    Ok(binaries::folder()?.join("kubectl"))
}
