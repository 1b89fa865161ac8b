//! Logs and metrics of a process: one subscriber to stderr, one recorder that the
//! health port renders.
//!
//! Metric names start with `escapement_`, carry their unit as a suffix
//! (`_seconds`, `_bytes`), and counters end in `_total`. This crate's own:
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `escapement_build_info` | gauge | `service` | always 1; says what runs here |
//! | `escapement_task_failures_total` | counter | `task` | owned tasks that ended unasked |
//! | `escapement_ready` | gauge | – | 1 when the last `/readyz` answered 200 |

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Buckets for every `_seconds` histogram: from a query to a slow image pull.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// Buckets for every `_lateness_seconds` histogram: fine, because there it is the
/// tails that count. A fifth apart, from 1 ms to about a minute. (Suffixes are
/// tried in the order of the alphabet, so this one before the other.)
fn lateness() -> Vec<f64> {
    (0..61).map(|step| 0.001 * 1.2_f64.powi(step)).collect()
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is not a list of directives.
    #[error(transparent)]
    Filter(#[from] ConfigError),
    /// This process already has a log subscriber.
    #[error("cannot install the log subscriber")]
    Subscriber(#[source] tracing_subscriber::util::TryInitError),
    /// This process already has a metrics recorder.
    #[error("cannot install the metrics recorder")]
    Recorder(#[source] BuildError),
}

/// Installs the process-wide log subscriber and metrics recorder; once a process.
pub fn init(config: &LogConfig) -> Result<PrometheusHandle, TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| ConfigError::invalid("log.filter", error))?;
    let lines = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
        LogFormat::Human => lines.finish().try_init(),
    }
    .map_err(TelemetryError::Subscriber)?;
    recorder_builder()
        .map_err(TelemetryError::Recorder)?
        .install_recorder()
        .map_err(TelemetryError::Recorder)
}

fn recorder_builder() -> Result<PrometheusBuilder, BuildError> {
    use metrics_exporter_prometheus::Matcher;
    let lateness_suffix = Matcher::Suffix("_lateness_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(lateness_suffix, &lateness())
}
