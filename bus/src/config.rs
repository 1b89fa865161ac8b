//! `[broker]`: where RabbitMQ is and how much may be in flight.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chassis::ConfigError;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// `[broker]`; only `url` has no default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// `amqp://user:password@host:port/vhost`, or `amqps://` for TLS; secret, as it
    /// carries the password.
    pub url: SecretString,
    /// Certificates (PEM) of who vouches for an `amqps://` broker, beside those whom the
    /// system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Deliveries handled at once by one consumer.
    #[serde(default = "prefetch")]
    pub prefetch: u16,
    /// Messages that wait for the broker before new ones are dropped.
    #[serde(default = "queue_capacity")]
    pub queue_capacity: usize,
    /// Messages sent and not yet confirmed before sending waits.
    #[serde(default = "unconfirmed_limit")]
    pub unconfirmed_limit: usize,
    /// Hints that wait for a slow reader before new ones are dropped.
    #[serde(default = "hint_capacity")]
    pub hint_capacity: usize,
    /// A silent connection is given up after about twice this. Whole seconds.
    #[serde(default = "heartbeat", with = "humantime_serde")]
    pub heartbeat: Duration,
    /// Limit for one attempt to connect.
    #[serde(default = "connect_timeout", with = "humantime_serde")]
    pub connect_timeout: Duration,
}

fn prefetch() -> u16 {
    32
}

fn queue_capacity() -> usize {
    10_000
}

fn unconfirmed_limit() -> usize {
    1_000
}

fn hint_capacity() -> usize {
    1_024
}

fn heartbeat() -> Duration {
    Duration::from_secs(10)
}

fn connect_timeout() -> Duration {
    Duration::from_secs(10)
}

impl BrokerConfig {
    /// The defaults for a broker at `url`.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            ca_file: None,
            prefetch: prefetch(),
            queue_capacity: queue_capacity(),
            unconfirmed_limit: unconfirmed_limit(),
            hint_capacity: hint_capacity(),
            heartbeat: heartbeat(),
            connect_timeout: connect_timeout(),
        }
    }

    /// The URL with the time limits in it. The error does not repeat the URL,
    /// which may hold a password.
    pub(crate) fn uri(&self) -> Result<AMQPUri, ConfigError> {
        for (key, value) in [
            ("broker.prefetch", usize::from(self.prefetch)),
            ("broker.queue_capacity", self.queue_capacity),
            ("broker.unconfirmed_limit", self.unconfirmed_limit),
            ("broker.hint_capacity", self.hint_capacity),
        ] {
            if value == 0 {
                return Err(ConfigError::invalid(key, "must be at least 1"));
            }
        }
        let mut uri: AMQPUri =
            self.url.expose_secret().parse().map_err(|_| {
                ConfigError::invalid("broker.url", "not an amqp:// or amqps:// URL")
            })?;
        uri.query.heartbeat = Some(u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX));
        uri.query.connection_timeout =
            Some(u64::try_from(self.connect_timeout.as_millis()).unwrap_or(u64::MAX));
        Ok(uri)
    }

    /// Who else is trusted to vouch for the broker.
    pub(crate) fn tls(&self) -> Result<OwnedTLSConfig, ConfigError> {
        let read = |path| {
            let text = fs::read_to_string(path).ok();
            let text = text.filter(|text| text.contains("-----BEGIN CERTIFICATE-----"));
            text.ok_or_else(|| {
                ConfigError::invalid("broker.ca_file", "holds no certificate that can be read")
            })
        };
        Ok(OwnedTLSConfig {
            identity: None,
            cert_chain: self.ca_file.as_ref().map(read).transpose()?,
        })
    }
}
