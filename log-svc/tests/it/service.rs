//! What a log service of a test is told.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use chassis::{HealthConfig, LogConfig, Process, ShutdownConfig, TracesConfig};
use cluster::{Clients, ClusterConfig};
use kube::Client;
use log_svc::config::{Config, KeepConfig, KeepEnds, TailConfig};
use log_svc::tail::TailContext;
use store::leases::LeaseTime;
use store::secrets::{Keyring, SecretsConfig};
use store::{DatabaseRole, Store};

use crate::fixture::{Fixture, KEY, REGION};

impl Fixture {
    /// A log service's own: connections, permits, configuration.
    pub(crate) fn context(&self) -> Arc<TailContext> {
        self.context_with(KEY)
    }

    pub(crate) fn context_with(&self, keys: &str) -> Arc<TailContext> {
        let config = self.config(keys);
        let store = Store::new(&config.database, DatabaseRole::Logs).unwrap();
        let keyring = Keyring::new(&config.secrets).unwrap();
        let process = Process::for_test("log-svc");
        let context = TailContext::new(&config, store, keyring, &self.clients(), &process);
        Arc::new(context)
    }

    pub(crate) fn config(&self, keys: &str) -> Config {
        Config {
            log: LogConfig::default(),
            health: HealthConfig {
                listen: (Ipv4Addr::LOCALHOST, 0).into(),
            },
            shutdown: ShutdownConfig::default(),
            traces: TracesConfig::default(),
            database: self.database.config(),
            secrets: SecretsConfig { keys: keys.into() },
            cluster: ClusterConfig {
                region: REGION.to_owned(),
                instance: "escapement".to_owned(),
                kubeconfig: None,
                namespace_prefix: "jobs-".to_owned(),
            },
            keep: KeepConfig {
                namespace: KeepEnds {
                    first_mib: 1,
                    last_mib: 1,
                },
                namespaces: [].into(),
            },
            tail: TailConfig {
                follows: 50,
                final_reads: 8,
                flush_after: Duration::from_millis(5),
                standby: Duration::from_millis(200),
                lease: LeaseTime::SHORTEST,
                missing_limit: Duration::from_secs(2),
            },
        }
    }

    fn clients(&self) -> Clients {
        let config = kube::Config::new(self.server.url.parse().unwrap());
        let client = || Client::try_from(config.clone()).unwrap();
        Clients {
            unary: client(),
            watch: client(),
            logs: client(),
        }
    }
}
