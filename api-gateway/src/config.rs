//! What the gateway is told: the sum of its components' configurations.

use std::net::SocketAddr;
use std::time::Duration;

use bus::BrokerConfig;
use chassis::{HealthConfig, LogConfig, ServiceConfig, ShutdownConfig, TracesConfig};
use serde::Deserialize;
use shared_types::SizeTable;
use store::DatabaseConfig;
use store::secrets::SecretsConfig;

use crate::accounts::password::PasswordConfig;
use crate::request::limits::LimitsConfig;

/// The defaults, as a commented file.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything `serve` reads.
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
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[api]`
    pub api: ApiConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[registration]`
    pub registration: RegistrationConfig,
    /// `[passwords]`
    pub passwords: PasswordConfig,
    /// `[schedules]`
    pub schedules: SchedulesConfig,
    /// Names of the regions; the first is the default.
    #[serde(deserialize_with = "chassis::config::comma_list")]
    pub regions: Vec<String>,
    /// `[sizes]`: the same in every service of a deployment.
    #[serde(default)]
    pub sizes: SizeTable,
}

/// `[registration]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationConfig {
    /// Whether anyone who reaches the port may make an account.
    pub enabled: bool,
}

/// `[schedules]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulesConfig {
    /// How close instants of a schedule may follow one another.
    #[serde(with = "humantime_serde")]
    pub shortest_period: Duration,
}

/// `[api]`: the public port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// Address to bind; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Threads that answer requests.
    pub workers: usize,
    /// Requests that may wait for an exec to end, at a time.
    pub waiting: usize,
    /// Those of one account.
    pub waiting_per_account: usize,
    /// Requests that may follow a log, at a time.
    pub followers: usize,
    /// Those of one account.
    pub followers_per_account: usize,
    /// Requests of one account that have a connection to the database at a time; 0 is no
    /// limit.
    pub requests_per_account: usize,
    /// Base of the links in lists; without it, the request's own host.
    pub public_url: Option<String>,
    /// Proxies in front, each of which adds to `X-Forwarded-For`; with 0 no
    /// such header is believed.
    pub trusted_proxies: usize,
    /// Connections of one worker at most.
    pub max_connections: usize,
    /// Connections of one address at most; 0 is no limit. Without effect behind
    /// proxies, where all clients have theirs.
    pub connections_per_address: usize,
    /// How long the head of a request may take.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a body may take.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a request may take until its answer begins.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long an idle connection is kept.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
}

/// What `migrate` and `create-account` read; they need no broker.
#[derive(Debug, Clone, Deserialize)]
pub struct CommandConfig {
    /// `[log]`
    pub log: LogConfig,
    /// `[health]`, which commands do not open.
    pub health: HealthConfig,
    /// `[shutdown]`
    #[serde(default)]
    pub shutdown: ShutdownConfig,
    /// `[traces]`
    #[serde(default)]
    pub traces: TracesConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[passwords]`
    pub passwords: PasswordConfig,
}

/// What `reseal-secrets` reads.
#[derive(Debug, Clone, Deserialize)]
pub struct ResealConfig {
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// What all commands read.
    #[serde(flatten)]
    pub command: CommandConfig,
}

chassis::service_config!(Config);
chassis::service_config!(CommandConfig);

impl ServiceConfig for ResealConfig {
    fn log(&self) -> &LogConfig {
        self.command.log()
    }

    fn health(&self) -> &HealthConfig {
        self.command.health()
    }

    fn shutdown(&self) -> &ShutdownConfig {
        self.command.shutdown()
    }

    fn traces(&self) -> &TracesConfig {
        self.command.traces()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, chassis::ConfigError> {
        let pairs = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        chassis::config::load_from(DEFAULTS, None, Some(pairs.collect::<HashMap<_, _>>()))
    }

    const NEEDED: [(&str, &str); 3] = [
        (
            "ESCAPEMENT__DATABASE__URL",
            "postgres://localhost/escapement",
        ),
        (
            "ESCAPEMENT__SECRETS__KEYS",
            "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
        ("ESCAPEMENT__BROKER__URL", "amqp://localhost"),
    ];

    #[test]
    fn two_urls_and_a_key_are_enough() {
        let config = load(&NEEDED).unwrap();
        assert_eq!(config.regions, ["BEIJING1"]);
        assert_eq!(config.api.workers, 2);
        assert!(config.sizes.get("XS").is_some());
    }

    #[test]
    fn the_environment_wins() {
        let mut variables = NEEDED.to_vec();
        variables.extend([
            ("ESCAPEMENT__REGIONS", "north, south"),
            ("ESCAPEMENT__API__LISTEN", "127.0.0.1:0"),
            ("ESCAPEMENT__API__WORKERS", "4"),
            ("ESCAPEMENT__LOG__FORMAT", "human"),
        ]);
        let config = load(&variables).unwrap();
        assert_eq!(config.regions, ["north", "south"]);
        assert_eq!(config.api.workers, 4);
        assert_eq!(config.api.listen.port(), 0);
    }

    #[test]
    fn a_missing_url_is_named() {
        let error = load(&NEEDED[..2]).unwrap_err().to_string();
        assert!(error.contains("broker"), "{error}");
    }
}
