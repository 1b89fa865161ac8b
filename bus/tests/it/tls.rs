//! RabbitMQ over TLS.

use std::path::PathBuf;
use std::time::Duration;

use bus::testing::Vhost;
use bus::{BrokerConfig, Bus};
use chassis::Process;
use tokio::time::timeout;
use url::Url;

use crate::ring::Replica;

const NEEDED: &str = "AMQPS_URL and TLS_AUTHORITY are set by `make test`";

/// The virtual host's broker at its port for TLS.
fn encrypted(vhost: &Vhost) -> BrokerConfig {
    let mut url = Url::parse(&std::env::var("AMQPS_URL").expect(NEEDED)).unwrap();
    let plain = Url::parse(vhost.url()).unwrap();
    url.set_username(plain.username()).unwrap();
    url.set_password(plain.password()).unwrap();
    url.set_path(plain.path());
    BrokerConfig::new(url.to_string().into())
}

async fn connects(config: BrokerConfig, limit: Duration) -> bool {
    let process = Process::for_test("bus-test");
    let bus = Bus::connect(config, &process).unwrap();
    let mut connected = bus.connected();
    let up = connected.wait_for(|connected| *connected);
    let up = timeout(limit, up).await.is_ok();
    Replica { process, bus }.stop().await;
    up
}

#[tokio::test]
async fn a_broker_is_spoken_to_over_tls_if_somebody_trusted_vouches_for_it() {
    let vhost = Vhost::create().await;
    let authority = std::env::var("TLS_AUTHORITY").expect(NEEDED);
    let trusting = BrokerConfig {
        ca_file: Some(PathBuf::from(authority)),
        ..encrypted(&vhost)
    };
    assert!(connects(trusting, Duration::from_mins(1)).await);
    assert!(
        !connects(encrypted(&vhost), Duration::from_secs(3)).await,
        "the system knows it not"
    );
}

#[tokio::test]
async fn a_file_without_certificates_is_a_configuration_error() {
    let vhost = Vhost::create().await;
    let config = BrokerConfig {
        ca_file: Some(PathBuf::from("/dev/null")),
        ..encrypted(&vhost)
    };
    let error = Bus::connect(config, &Process::for_test("bus-test"));
    let error = error.err().unwrap().to_string();
    assert!(error.contains("broker.ca_file"), "{error}");
}
