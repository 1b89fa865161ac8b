//! Configuration of the process: the sum of its components'.

use std::time::Duration;

use chassis::{ConfigError, HealthConfig, LogConfig, ShutdownConfig, TracesConfig};
use cluster::ClusterConfig;
use serde::Deserialize;
use store::DatabaseConfig;
use store::secrets::SecretsConfig;

/// Defaults in TOML.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything log-svc can be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[log]`
    pub log: LogConfig,
    /// `[health]`
    pub health: HealthConfig,
    /// `[shutdown]`
    #[serde(default)]
    pub shutdown: ShutdownConfig,
    /// `[traces]`
    #[serde(default)]
    pub traces: TracesConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[cluster]`
    pub cluster: ClusterConfig,
    /// `[tail]`
    pub tail: TailConfig,
}

/// `[tail]`: how logs are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailConfig {
    /// Containers followed at a time.
    pub follows: usize,
    /// Ended containers read to their end at a time.
    pub final_reads: usize,
    /// A line is stored at most this long after it arrived.
    #[serde(with = "humantime_serde")]
    pub flush_after: Duration,
    /// How long another replica's stream may stand still before it is taken
    /// over.
    #[serde(with = "humantime_serde")]
    pub standby: Duration,
    /// How long the node may say that it does not have an ended container's
    /// log, as it does while its runtime restarts, before the log is taken for
    /// lost. Below the executor's `log_hold`, or the pod is gone first.
    #[serde(with = "humantime_serde")]
    pub missing_limit: Duration,
}

impl TailConfig {
    /// Refuses what the types allow and the loop cannot use.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (key, permits) in [
            ("tail.follows", self.follows),
            ("tail.final_reads", self.final_reads),
        ] {
            if !(1..=100_000).contains(&permits) {
                return Err(ConfigError::invalid(key, "must be 1 to 100000"));
            }
        }
        if self.flush_after.is_zero() || self.flush_after > Duration::from_secs(10) {
            let why = "must be above 0 and at most 10s";
            return Err(ConfigError::invalid("tail.flush_after", why));
        }
        if self.missing_limit > Duration::from_mins(30) {
            let why = "must be at most 30m, below the executor's log_hold";
            return Err(ConfigError::invalid("tail.missing_limit", why));
        }
        if self.standby < self.flush_after * 2 {
            let why = "must be at least twice tail.flush_after";
            return Err(ConfigError::invalid("tail.standby", why));
        }
        Ok(())
    }
}

chassis::service_config!(Config);

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let needed = [
            ("ESCAPEMENT__DATABASE__URL", "postgres://localhost/x"),
            ("ESCAPEMENT__CLUSTER__REGION", "default"),
            ("ESCAPEMENT__SECRETS__KEYS", "a:unread"),
        ];
        let variables = needed.iter().chain(variables);
        let environment = variables.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config: Config =
            chassis::config::load_from(DEFAULTS, None, Some(environment.collect()))?;
        config.tail.check().map(|()| config)
    }

    #[test]
    fn the_defaults_are_sound() {
        let config = load(&[("ESCAPEMENT__CLUSTER__INSTANCE", "two")]).unwrap();
        assert_eq!(config.tail.follows, 500);
        assert_eq!(config.cluster.instance, "two");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let cases = [
            ("ESCAPEMENT__TAIL__FOLLOWS", "0", "tail.follows"),
            ("ESCAPEMENT__TAIL__FINAL_READS", "0", "tail.final_reads"),
            ("ESCAPEMENT__TAIL__FLUSH_AFTER", "0s", "tail.flush_after"),
            ("ESCAPEMENT__TAIL__STANDBY", "1ms", "tail.standby"),
            (
                "ESCAPEMENT__TAIL__MISSING_LIMIT",
                "1h",
                "tail.missing_limit",
            ),
            ("ESCAPEMENT__TAIL__FOLOWS", "1", "folows"),
        ];
        for (variable, value, named) in cases {
            let said = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(said.contains(named), "{said}");
        }
    }
}
