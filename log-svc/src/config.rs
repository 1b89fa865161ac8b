//! Configuration of the process: the sum of its components'.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::{ConfigError, HealthConfig, LogConfig, ShutdownConfig, TracesConfig};
use cluster::ClusterConfig;
use serde::Deserialize;
use store::DatabaseConfig;
use store::leases::LeaseTime;
use store::logs::Keep;
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
    /// `[keep]`
    pub keep: KeepConfig,
}

impl Config {
    /// Refuses what the types allow and the service cannot use.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.tail.check()?;
        self.keep.check()
    }
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
    /// How long after its last sign of life a replica's share goes to others.
    pub lease: LeaseTime,
    /// How long the node may say that it does not have an ended container's
    /// log, as it does while its runtime restarts, before the log is taken for
    /// lost. Below the executor's `log_hold`, or the pod is gone first.
    #[serde(with = "humantime_serde")]
    pub missing_limit: Duration,
}

impl TailConfig {
    fn check(&self) -> Result<(), ConfigError> {
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

/// `[keep]`: what is kept of what the program of an attempt prints.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepConfig {
    /// Of execs of every namespace.
    pub namespace: KeepEnds,
    /// Of those of these namespaces instead.
    #[serde(default)]
    pub namespaces: BTreeMap<String, KeepEnds>,
}

/// The beginning and the end of a log.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepEnds {
    /// Of its beginning, MiB.
    pub first_mib: u32,
    /// Of its end, MiB.
    pub last_mib: u32,
}

impl KeepConfig {
    /// What is kept of an exec of a namespace.
    pub fn of(&self, namespace: &str) -> Keep {
        let ends = self.namespaces.get(namespace).unwrap_or(&self.namespace);
        Keep {
            first: i64::from(ends.first_mib) << 20,
            last: i64::from(ends.last_mib) << 20,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let all = self.namespaces.values().chain([&self.namespace]);
        for ends in all {
            if ends.first_mib == 0 || ends.last_mib == 0 {
                let why = "needs first_mib and last_mib of at least 1 for each namespace";
                return Err(ConfigError::invalid("keep", why));
            }
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
        config.check().map(|()| config)
    }

    #[test]
    fn the_defaults_are_sound() {
        let config = load(&[("ESCAPEMENT__CLUSTER__INSTANCE", "two")]).unwrap();
        assert_eq!(config.tail.follows, 500);
        assert_eq!(config.cluster.instance, "two");
        let mib = |mib: i64| mib * 1024 * 1024;
        let keep = config.keep.of("demo");
        assert_eq!((keep.first, keep.last), (mib(512), mib(512)));
    }

    #[test]
    fn a_wrong_value_is_named() {
        let cases = [
            ("ESCAPEMENT__TAIL__FOLLOWS", "0", "tail.follows"),
            ("ESCAPEMENT__TAIL__FINAL_READS", "0", "tail.final_reads"),
            ("ESCAPEMENT__TAIL__FLUSH_AFTER", "0s", "tail.flush_after"),
            ("ESCAPEMENT__TAIL__STANDBY", "1ms", "tail.standby"),
            ("ESCAPEMENT__TAIL__LEASE", "0.5s", "tail.lease"),
            (
                "ESCAPEMENT__TAIL__MISSING_LIMIT",
                "1h",
                "tail.missing_limit",
            ),
            ("ESCAPEMENT__TAIL__FOLOWS", "1", "folows"),
            ("ESCAPEMENT__KEEP__NAMESPACE__LAST_MIB", "0", "keep"),
        ];
        for (variable, value, named) in cases {
            let said = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(said.contains(named), "{said}");
        }
    }
}
