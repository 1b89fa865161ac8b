//! What a service's operator meets: precedence, lists, and one line for a mistake.

#![expect(clippy::unwrap_used, reason = "a test's set-up may fail loudly")]

use std::collections::HashMap;
use std::time::Duration;

use chassis::config::{comma_list, load_from};
use chassis::{ConfigError, HealthConfig, LogConfig, LogFormat, ShutdownConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

const DEFAULTS: &str = "
    regions = ['eu']
    [log]
    filter = 'info'
    [health]
    listen = '127.0.0.1:8081'
    [broker]
    url = 'amqp://a'
    prefetch = 32
";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(deserialize_with = "comma_list")]
    regions: Vec<String>,
    #[serde(default, deserialize_with = "comma_list")]
    ports: Vec<u16>,
    log: LogConfig,
    health: HealthConfig,
    #[serde(default)]
    shutdown: ShutdownConfig,
    broker: Broker,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    url: SecretString,
    prefetch: u16,
    batch: Option<u32>,
}

fn load(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let variables = variables
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_from(DEFAULTS, None, Some(variables.collect::<HashMap<_, _>>()))
}

fn refusal(variables: &[(&str, &str)]) -> String {
    let line = load(variables).unwrap_err().to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn environment_wins_over_file_wins_over_defaults() {
    let file = std::env::temp_dir().join(format!("chassis-config-{}.toml", std::process::id()));
    std::fs::write(&file, "regions = ['us', 'ap']\n[broker]\nprefetch = 8\n").unwrap();
    let variables = HashMap::from([("ESCAPEMENT__BROKER__PREFETCH".into(), "4".into())]);
    let settings: Settings = load_from(DEFAULTS, Some(&file), Some(variables)).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(settings.regions, ["us", "ap"]);
    assert_eq!(settings.broker.prefetch, 4);
    assert_eq!(settings.broker.url.expose_secret(), "amqp://a");
}

#[test]
fn every_kind_of_value_comes_from_the_environment() {
    let settings = load(&[
        ("ESCAPEMENT__REGIONS", "eu, us,"),
        ("ESCAPEMENT__PORTS", "1,2"),
        ("ESCAPEMENT__LOG__FORMAT", "human"),
        ("ESCAPEMENT__HEALTH__LISTEN", "[::1]:0"),
        ("ESCAPEMENT__SHUTDOWN__GRACE", "1m 30s"),
        ("ESCAPEMENT__BROKER__URL", "12345"),
        ("ESCAPEMENT__BROKER__BATCH", "7"),
        ("ESCAPEMENT_CONFIG", "not a key"),
        (
            "ESCAPEMENT_API_PORT",
            "tcp://10.0.0.1:80 as Kubernetes sets it",
        ),
    ])
    .unwrap();
    assert_eq!(settings.regions, ["eu", "us"]);
    assert_eq!(settings.ports, [1, 2]);
    assert_eq!(settings.log.format, LogFormat::Human);
    assert!(settings.health.listen.is_ipv6());
    assert_eq!(settings.shutdown.grace, Duration::from_secs(90));
    assert_eq!(settings.broker.url.expose_secret(), "12345");
    assert_eq!(settings.broker.batch, Some(7));
}

#[test]
fn a_mistake_is_one_line_naming_the_key() {
    for (variable, value, named) in [
        ("ESCAPEMENT__BROKER__PREFETCH", "many", "broker.prefetch"),
        ("ESCAPEMENT__BROKER__PREFTCH", "3", "preftch"),
        ("ESCAPEMENT__BROKR", "3", "brokr"),
        ("ESCAPEMENT__LOG__FORMAT", "xml", "log.format"),
        ("ESCAPEMENT__HEALTH__LISTEN", "everywhere", "health.listen"),
        ("ESCAPEMENT__SHUTDOWN__GRACE", "soon", "shutdown.grace"),
        ("ESCAPEMENT__PORTS", "1,x", "ports"),
    ] {
        let line = refusal(&[(variable, value)]);
        assert!(line.contains(named), "{variable}={value}: {line}");
    }
    let missing = load_from::<Settings>("regions = []", None, Some(HashMap::new())).unwrap_err();
    assert!(missing.to_string().contains("log"), "{missing}");
    let absent = load_from::<Settings>(DEFAULTS, Some("/nowhere.toml".as_ref()), None).unwrap_err();
    assert!(absent.to_string().contains("/nowhere.toml"), "{absent}");
}
