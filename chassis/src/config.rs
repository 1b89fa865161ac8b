//! One way to configure every process: embedded defaults, then the TOML file
//! named by `ESCAPEMENT_CONFIG`, then `ESCAPEMENT__SECTION__KEY` variables.
//! A process with a wrong key must not start, and must say which key in one line.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::config::{Config, Environment, File, FileFormat, Value};
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, de};

use crate::traces::TracesConfig;

/// Names the optional configuration file.
pub const FILE_VARIABLE: &str = "ESCAPEMENT_CONFIG";
const PREFIX: &str = "ESCAPEMENT";
const SEPARATOR: &str = "__";

/// Why the configuration cannot be used. `Display` is one line naming the key.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {message}")]
pub struct ConfigError {
    message: String,
}

impl ConfigError {
    /// For checks a type cannot express; a service returns it from its start
    /// function and the process still ends with [`crate::EXIT_BAD_CONFIG`].
    pub fn invalid(key: &str, why: impl fmt::Display) -> Self {
        Self::one_line(&format!("{key}: {why}"))
    }

    fn one_line(text: &str) -> Self {
        let message = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { message }
    }
}

impl From<::config::ConfigError> for ConfigError {
    fn from(error: ::config::ConfigError) -> Self {
        Self::one_line(&error.to_string())
    }
}

/// The sections every service has; a service's config is the sum of its components'.
pub trait ServiceConfig: DeserializeOwned {
    /// `[log]`
    fn log(&self) -> &LogConfig;
    /// `[health]`
    fn health(&self) -> &HealthConfig;
    /// `[shutdown]`
    fn shutdown(&self) -> &ShutdownConfig;
    /// `[traces]`
    fn traces(&self) -> &TracesConfig;
}

/// Implements [`ServiceConfig`] for a configuration with the fields `log`, `health`,
/// `shutdown` and `traces`.
#[macro_export]
macro_rules! service_config {
    ($config:ty) => {
        impl $crate::ServiceConfig for $config {
            fn log(&self) -> &$crate::LogConfig {
                &self.log
            }

            fn health(&self) -> &$crate::HealthConfig {
                &self.health
            }

            fn shutdown(&self) -> &$crate::ShutdownConfig {
                &self.shutdown
            }

            fn traces(&self) -> &$crate::TracesConfig {
                &self.traces
            }
        }
    };
}

/// `[log]`: what goes to stderr.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `json` for machines, `human` for a terminal.
    pub format: LogFormat,
    /// `tracing` directives such as `info,bus=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            filter: "info".to_owned(),
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for a terminal.
    Human,
}

/// `[health]`: the port for probes and metrics, apart from any public port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// Address to bind; port 0 picks a free one.
    pub listen: SocketAddr,
}

/// `[shutdown]`: how long an ordered stop may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// Running work is abandoned when this has passed after the first signal.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// What must be flushed gets this long after running work has ended.
    #[serde(with = "humantime_serde")]
    pub flush: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        // Together below Kubernetes' default terminationGracePeriodSeconds of 30.
        Self {
            grace: Duration::from_secs(20),
            flush: Duration::from_secs(5),
        }
    }
}

/// Reads the configuration of this process; see the module for the order.
pub fn load<T: DeserializeOwned>(defaults_toml: &str) -> Result<T, ConfigError> {
    let file = std::env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty());
    load_from(defaults_toml, file.map(PathBuf::from).as_deref(), None)
}

/// [`load`] with its outside given: the file, and the environment (`None` is
/// the process's own). For tests and tools that start services.
#[expect(clippy::implicit_hasher, reason = "the type the config crate takes")]
pub fn load_from<T: DeserializeOwned>(
    defaults_toml: &str,
    file: Option<&Path>,
    environment: Option<HashMap<String, String>>,
) -> Result<T, ConfigError> {
    let mut sources = Config::builder().add_source(File::from_str(defaults_toml, FileFormat::Toml));
    if let Some(path) = file {
        sources = sources.add_source(File::from(path).format(FileFormat::Toml));
    }
    let variables = Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(environment);
    Ok(sources.add_source(variables).build()?.try_deserialize()?)
}

/// For `#[serde(deserialize_with = "chassis::config::comma_list")]`: a list that
/// a file writes as an array and an environment variable as `a,b,c`.
pub fn comma_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(CommaList(std::marker::PhantomData))
}

struct CommaList<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for CommaList<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or a string of comma-separated items")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            // The config crate's value reads a number from text, as it does for
            // every other variable.
            .map(|item| T::deserialize(Value::from(item)).map_err(E::custom))
            .collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items))
    }
}
