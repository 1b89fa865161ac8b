//! RabbitMQ, and the only crate that knows it. Rows are the truth and messages
//! are hints, so nothing here blocks or fails its caller because the broker is
//! away: what cannot be sent is counted and dropped, and the executor's sweep
//! finds the row.
//!
//! One connection publishes and one consumes, each rebuilt by its own supervisor
//! together with its channels, topology and consumers.
//!
//! Its metrics are in docs/METRICS.md.

mod broker;
mod config;
mod consumer;
mod hints;
mod link;
mod publisher;
mod sessions;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topology;

pub use broker::Bus;
pub use config::BrokerConfig;
pub use consumer::Delivery;
pub use hints::Hints;
pub use publisher::{Enqueued, Publisher};
pub use topology::{HintBinding, HintRoute};
