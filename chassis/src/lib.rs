//! What every Escapement process does, so that a service's `main.rs` only says
//! which configuration it reads and what it starts: configuration, telemetry,
//! the health port, signals, owned tasks, ordered shutdown and backoff.
//!
//! ```no_run
//! use chassis::{HealthConfig, LogConfig, Process, ShutdownConfig, TracesConfig};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     log: LogConfig,
//!     health: HealthConfig,
//!     #[serde(default)]
//!     shutdown: ShutdownConfig,
//!     #[serde(default)]
//!     traces: TracesConfig,
//! }
//!
//! chassis::service_config!(Config);
//!
//! async fn start(_config: Config, process: Process) -> anyhow::Result<()> {
//!     let stopping = process.tasks.stopping();
//!     process.tasks.spawn("clock", async move { stopping.cancelled().await });
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     chassis::main("scheduler-svc", "[log]\n[health]\nlisten = '0.0.0.0:8081'", start)
//! }
//! ```

pub mod backoff;
pub mod config;
pub mod health;
mod process;
mod signals;
pub mod tasks;
pub mod telemetry;
pub mod traces;

pub use backoff::{Backoff, BackoffConfig};
pub use config::{ConfigError, HealthConfig, LogConfig, LogFormat, ServiceConfig, ShutdownConfig};
pub use health::{Check, Health, Latch, Readiness};
pub use process::{Process, command, main};
pub use tasks::Tasks;
pub use traces::{Traces, TracesConfig};

/// `sysexits.h`'s `EX_USAGE`: the configuration is wrong, restarting is no help.
pub const EXIT_BAD_CONFIG: u8 = 64;
/// A start-up step or an owned task failed.
pub const EXIT_FAILED: u8 = 1;
/// A second signal arrived before the shutdown had ended.
pub const EXIT_FORCED: u8 = 130;
