//! How a ring is made: what it gets of its own, and what its services are told.

use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;

use crate::images::LOG_PROOF_IMAGE;
use crate::infra::Infra;
use crate::rabbitmq::RabbitMq;
use crate::ring::Ring;
use crate::root::{Root, short_hash};
use crate::service::Service;
use crate::{postgres, rabbitmq, rights};

/// What a ring is to be like.
#[derive(Debug)]
pub struct RingBuilder {
    pub(crate) infra: Infra,
    pub(crate) name: String,
    pub(crate) main: bool,
    pub(crate) own_broker: bool,
    pub(crate) services: Vec<Service>,
    pub(crate) env: Vec<(Service, String, String)>,
}

impl RingBuilder {
    /// A RabbitMQ node for this ring alone, so that stopping it disturbs no other ring.
    #[must_use]
    pub fn own_broker(mut self) -> Self {
        self.own_broker = true;
        self
    }

    /// Starts these services only; without the two that use the cluster the ring needs none.
    #[must_use]
    pub fn only(mut self, services: &[Service]) -> Self {
        self.services = services.to_vec();
        self
    }

    /// One more environment variable for each replica of a service.
    #[must_use]
    pub fn env(mut self, service: Service, key: &str, value: &str) -> Self {
        self.env.push((service, key.to_owned(), value.to_owned()));
        self
    }

    /// Creates database and vhost, migrates, starts the services, waits until each is ready.
    pub async fn start(self) -> Result<Ring> {
        let services = self.services.clone();
        let ring = self.prepare().await?;
        ring.migrate().await?;
        try_join_all(services.into_iter().map(|service| ring.start(service))).await?;
        Ok(ring)
    }

    /// Database, vhost and addresses, without starting a service.
    pub(crate) async fn prepare(self) -> Result<Ring> {
        let root = self.infra.root.clone();
        let kubeconfig = self.kubeconfig()?;
        let server = self.infra.database_url.clone();
        let server = server.context("a ring needs Postgres (DATABASE_URL)")?;
        let unique = format!("ring_{}", short_hash(self.name.as_bytes()));
        let label = if self.main {
            "escapement".to_owned()
        } else {
            unique
        };
        let database_url = postgres::create_database(&server, &label).await?;
        let broker = self
            .own_broker
            .then(|| RabbitMq::new(&root, &format!("{}.rabbitmq", self.name)));
        if let Some(broker) = &broker {
            broker.ensure().await?;
        }
        let (amqp, api) = match &broker {
            Some(broker) => (Some(broker.url()?), Some(broker.api()?)),
            None => (self.infra.amqp_url.clone(), self.infra.rabbitmq_api.clone()),
        };
        let amqp = amqp.context("a ring needs RabbitMQ (AMQP_URL)")?;
        let amqp_url = match &api {
            Some(api) => rabbitmq::create_vhost(api, &amqp, &label).await?,
            // A broker of the user: its address says which vhost to use.
            None => amqp,
        };
        Ok(Ring {
            name: self.name,
            main: self.main,
            region: if self.main {
                // The region of the 2015 page, whose requests are to work as they are.
                "BEIJING1".to_owned()
            } else {
                label.replace('_', "-")
            },
            instance: label.replace('_', "-"),
            server,
            database_url,
            amqp_url,
            api,
            keys: sealing_key(&root)?,
            root,
            kubeconfig,
            label,
            broker,
            env: self.env,
            replicas: Mutex::default(),
        })
    }

    fn kubeconfig(&self) -> Result<PathBuf> {
        if !self.services.iter().any(|service| service.uses_cluster()) {
            return Ok(PathBuf::new());
        }
        let given = self.infra.kubeconfig.clone();
        given.context("a ring needs Kubernetes (KUBECONFIG)")
    }
}

/// The key of what is sealed in the databases of a root, for as long as it is there.
fn sealing_key(root: &Root) -> Result<String> {
    let bytes = root.state().secret("sealing")?;
    Ok(format!("dev:{}", STANDARD.encode(bytes)))
}

impl Ring {
    pub(crate) fn configuration(&self, service: Service) -> Result<Vec<(String, String)>> {
        let database = postgres::of_service(&self.root, &self.database_url, service)?;
        let mut all = vec![("DATABASE__URL", database.to_string())];
        all.push(("LOG__FORMAT", "human".to_owned()));
        all.push(("LOG__FILTER", "info".to_owned()));
        if service.uses_broker() {
            all.push(("BROKER__URL", self.amqp_url.to_string()));
        }
        if service == Service::Gateway {
            all.push(("REGIONS", self.region.clone()));
        }
        if service.holds_keys() {
            all.push(("SECRETS__KEYS", self.keys.clone()));
        }
        if service.uses_cluster() {
            all.push(("CLUSTER__REGION", self.region.clone()));
            all.push(("CLUSTER__INSTANCE", self.instance.clone()));
            let kubeconfig = rights::kubeconfig(&self.kubeconfig, service);
            all.push(("CLUSTER__KUBECONFIG", kubeconfig.display().to_string()));
        }
        if service == Service::Executor {
            // Ours are on this machine, which is the node.
            all.push(("POD__REGISTRIES", "*,127.0.0.1".to_owned()));
            all.push(("POD__LOG_PROOF_IMAGE", LOG_PROOF_IMAGE.to_owned()));
        }
        let own = self.env.iter().filter(|(of, ..)| *of == service);
        let own = own.map(|(_, key, value)| (key.clone(), value.clone()));
        let set = all
            .into_iter()
            .map(|(key, value)| (format!("ESCAPEMENT__{key}"), value));
        Ok(set.chain(own).collect())
    }
}
