//! What tests and benchmarks of the whole ring share: a REST client that knows
//! only what any client knows, and a look into the cluster through kubectl.

pub mod benchmark;
pub mod client;
pub mod clocks;
pub mod follow;
pub mod kubectl;
pub mod metrics;
pub mod python;
pub mod start_counter;
pub mod times;
pub mod usage;

pub use client::Client;
pub use kubectl::Kubectl;
pub use start_counter::StartCounter;
pub use times::Times;
