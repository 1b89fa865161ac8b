//! RabbitMQ, and the only crate that knows it. Rows are the truth and messages
//! are hints, so nothing here blocks or fails its caller because the broker is
//! away: what cannot be sent is counted and dropped, and the executor's sweep
//! finds the row.
//!
//! One connection publishes and one consumes, each rebuilt by its own supervisor
//! together with its channels, topology and consumers.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_broker_connected` | gauge | `connection` | 1 while that connection is up |
//! | `escapement_bus_published_total` | counter | `exchange`, `outcome` | `confirmed`, `retried`, `returned`, `nacked`, `lost`, `dropped` |
//! | `escapement_bus_deliveries_total` | counter | `queue`, `outcome` | `acked`, `retried`, `dead`, `given_back`, `panicked` |
//! | `escapement_bus_in_hand` | gauge | `queue` | deliveries taken and not yet answered |
//! | `escapement_bus_hints_total` | counter | `outcome` | `received`, `lagged`, `unknown` |
//! | `escapement_schedule_lateness_seconds` | histogram | – | planned instant of an exec to the broker's confirm of its announcement |

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
