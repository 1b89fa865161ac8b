//! Configuration of the process: the sum of its components'.

use std::time::Duration;

use bus::BrokerConfig;
use chassis::{ConfigError, HealthConfig, LogConfig, ShutdownConfig, TracesConfig};
use serde::Deserialize;
use store::DatabaseConfig;
use store::leases::LeaseTime;

/// Defaults in TOML.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything scheduler-svc can be told.
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
    /// `[broker]`
    pub broker: BrokerConfig,
    /// `[scheduler]`
    pub scheduler: SchedulerConfig,
}

/// `[scheduler]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulerConfig {
    /// How often schedules are looked for that no hint announced.
    #[serde(with = "humantime_serde")]
    pub sweep: Duration,
    /// How far ahead instants are held in memory.
    #[serde(with = "humantime_serde")]
    pub horizon: Duration,
    /// Schedules fired by one transaction.
    pub batch: usize,
    /// How long after its last sign of life a replica's share goes to others.
    pub lease: LeaseTime,
}

impl SchedulerConfig {
    /// Refuses what the types allow and the loop cannot use.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.sweep.is_zero() || self.sweep > Duration::from_hours(1) {
            let why = "must be above 0 and at most 1h";
            return Err(ConfigError::invalid("scheduler.sweep", why));
        }
        if self.horizon < self.sweep * 2 || self.horizon > Duration::from_hours(24) {
            let why = "must be at least twice scheduler.sweep and at most 24h";
            return Err(ConfigError::invalid("scheduler.horizon", why));
        }
        if !(1..=1000).contains(&self.batch) {
            return Err(ConfigError::invalid("scheduler.batch", "must be 1 to 1000"));
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
            ("ESCAPEMENT__BROKER__URL", "amqp://localhost"),
        ];
        let variables = needed.iter().chain(variables);
        let environment = variables.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config: Config =
            chassis::config::load_from(DEFAULTS, None, Some(environment.collect()))?;
        config.scheduler.check().map(|()| config)
    }

    #[test]
    fn the_defaults_are_sound() {
        let config = load(&[]).unwrap();
        assert_eq!(config.scheduler.batch, 100);
    }

    #[test]
    fn a_wrong_value_is_named() {
        let cases = [
            ("ESCAPEMENT__SCHEDULER__SWEEP", "0s", "scheduler.sweep"),
            ("ESCAPEMENT__SCHEDULER__HORIZON", "3s", "scheduler.horizon"),
            ("ESCAPEMENT__SCHEDULER__BATCH", "0", "scheduler.batch"),
            ("ESCAPEMENT__SCHEDULER__LEASE", "0.5s", "scheduler.lease"),
            ("ESCAPEMENT__SCHEDULER__BATHC", "1", "bathc"),
        ];
        for (variable, value, named) in cases {
            let said = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(said.contains(named), "{said}");
        }
    }
}
