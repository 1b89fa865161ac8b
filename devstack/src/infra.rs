//! What the ring stands on: Postgres, RabbitMQ and Kubernetes with its registry.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use url::Url;

use crate::given::Given;
use crate::part::Part;
use crate::progress::Progress;
use crate::rabbitmq::RabbitMq;
use crate::root::{ROOT_VARIABLE, Root};
use crate::service::Service;
use crate::{
    containerd, kubelet, kubernetes, postgres, process, rabbitmq, registry, rights,
    service_network, startup, tls,
};

/// Running infrastructure: where everything is.
#[derive(Debug, Clone)]
pub struct Infra {
    pub(crate) root: Root,
    /// Postgres as superuser, maintenance database.
    pub database_url: Option<Url>,
    /// RabbitMQ without a vhost.
    pub amqp_url: Option<Url>,
    /// The same over TLS; none for a broker given by the user.
    pub amqps_url: Option<Url>,
    /// The certificate of who vouches for our own Postgres and RabbitMQ.
    pub authority: PathBuf,
    /// RabbitMQ's management API with credentials; none for a broker given by the user.
    pub rabbitmq_api: Option<String>,
    /// The cluster's administrator.
    pub kubeconfig: Option<PathBuf>,
    /// Repository of an image with a shell and no ENTRYPOINT.
    pub demo_image: String,
    /// Its tag.
    pub demo_tag: String,
}

impl Infra {
    /// Starts the parts that do not run yet, except those the user gave.
    pub async fn up(
        root: &Root,
        parts: &[Part],
        given: &Given,
        progress: Progress,
    ) -> Result<Self> {
        let own: Vec<Part> = parts
            .iter()
            .copied()
            .filter(|part| !given.has(*part))
            .collect();
        given.keep(root)?;
        let services = parts.contains(&Part::Services);
        root.state().update(|state| {
            state.services = services;
            Ok(())
        })?;
        if own.contains(&Part::Kubernetes) && !nix::unistd::Uid::effective().is_root() {
            bail!("Kubernetes' containers need root: run as root, or set KUBECONFIG to a cluster");
        }
        startup::run(root, &own, progress).await?;
        let infra = Self::attach(root, parts)?;
        if let (Some(url), true) = (&infra.amqp_url, given.has(Part::RabbitMq)) {
            rabbitmq::wait_for(url).await?;
        }
        Ok(infra)
    }

    /// The kubeconfig of a service, with its rights.
    pub fn kubeconfig_of(&self, service: Service) -> Result<PathBuf> {
        let own = self.kubeconfig.as_deref().context("no Kubernetes")?;
        Ok(rights::kubeconfig(own, service))
    }

    /// Infrastructure that was started before, from what the root recorded.
    pub fn attach(root: &Root, parts: &[Part]) -> Result<Self> {
        let given = Given::kept(root)?;
        let has = |part| parts.contains(&part);
        let broker = RabbitMq::new(root, rabbitmq::NAME);
        let own_broker = has(Part::RabbitMq) && given.amqp_url.is_none();
        let (demo_image, demo_tag) = match given.kubeconfig {
            None if has(Part::Kubernetes) => {
                (registry::demo_image(root)?, registry::DEMO_TAG.to_owned())
            }
            _ => given.demo_image(),
        };
        Ok(Self {
            root: root.clone(),
            database_url: match given.database_url {
                Some(url) => Some(url),
                None if has(Part::Postgres) => Some(postgres::url(root)?),
                None => None,
            },
            amqp_url: match given.amqp_url {
                Some(url) => Some(url),
                None if own_broker => Some(broker.url()?),
                None => None,
            },
            amqps_url: own_broker.then(|| broker.tls_url()).transpose()?,
            authority: root.path(tls::AUTHORITY),
            rabbitmq_api: own_broker.then(|| broker.api()).transpose()?,
            kubeconfig: match given.kubeconfig {
                Some(path) => Some(path),
                None => has(Part::Kubernetes).then(|| kubernetes::kubeconfig(root)),
            },
            demo_image,
            demo_tag,
        })
    }

    /// The infrastructure `devstack with` prepared for this process.
    pub fn from_env() -> Result<Self> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let dir = read(ROOT_VARIABLE).with_context(|| {
            format!("{ROOT_VARIABLE} is not set: run this through `make test` or `devstack with`")
        })?;
        let url = |name| read(name).map(|text| Url::parse(&text)).transpose();
        Ok(Self {
            root: Root::at(dir)?,
            database_url: url("DATABASE_URL")?,
            amqp_url: url("AMQP_URL")?,
            amqps_url: url("AMQPS_URL")?,
            authority: read("TLS_AUTHORITY").map(PathBuf::from).unwrap_or_default(),
            rabbitmq_api: read("RABBITMQ_API"),
            kubeconfig: read("KUBECONFIG").map(PathBuf::from),
            demo_image: read("DEMO_IMAGE").unwrap_or_default(),
            demo_tag: read("DEMO_TAG").unwrap_or_default(),
        })
    }

    /// The variables by which [`Infra::from_env`] and the tests find it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
        let path = self
            .kubeconfig
            .as_ref()
            .map(|path| path.display().to_string());
        [
            (ROOT_VARIABLE, Some(self.root.dir().display().to_string())),
            ("DATABASE_URL", text(&self.database_url)),
            ("AMQP_URL", text(&self.amqp_url)),
            ("AMQPS_URL", text(&self.amqps_url)),
            ("TLS_AUTHORITY", Some(self.authority.display().to_string())),
            ("RABBITMQ_API", self.rabbitmq_api.clone()),
            ("KUBECONFIG", path),
            ("DEMO_IMAGE", Some(self.demo_image.clone())),
            ("DEMO_TAG", Some(self.demo_tag.clone())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// The root it lives in.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// What the services asked our API server for, one JSON object a line.
    pub fn audit_log(&self) -> PathBuf {
        rights::audit_log(&self.root)
    }

    /// Ends a component (`postgres`, `rabbitmq`, `etcd`, `kubelet`, …) as a crash would.
    pub async fn kill(&self, component: &str) -> Result<()> {
        process::kill_now(&self.root, component).await
    }

    /// Stops a component in order.
    pub async fn stop(&self, component: &str) -> Result<()> {
        stop(&self.root, component).await
    }

    /// Starts a component again and waits until it is ready; stops it first if it runs.
    pub async fn restart(&self, component: &str) -> Result<()> {
        self.stop(component).await?;
        self.start(component).await.map(drop)
    }

    /// Starts a component unless it runs and waits until it is ready; true when started.
    pub async fn start(&self, component: &str) -> Result<bool> {
        let root = &self.root;
        match component {
            postgres::NAME => postgres::ensure(root).await,
            registry::NAME => registry::ensure(root).await,
            containerd::NAME => containerd::ensure(root).await,
            kubernetes::ETCD => kubernetes::ensure_etcd(root).await,
            kubernetes::APISERVER => kubernetes::ensure_apiserver(root).await,
            kubernetes::CONTROLLERS => kubernetes::ensure_controllers(root).await,
            kubernetes::SCHEDULER => kubernetes::ensure_scheduler(root).await,
            kubelet::NAME => kubelet::ensure(root).await,
            service_network::PROXY => service_network::ensure_proxy(root).await,
            service_network::DNS => service_network::ensure_dns(root).await,
            name if name.starts_with(rabbitmq::NAME) => {
                RabbitMq::new(root, rabbitmq::NAME).ensure().await
            }
            other => bail!("no component is named {other}"),
        }
    }
}

/// Stops one process in the way its program understands as "now, but in order".
pub(crate) async fn stop(root: &Root, component: &str) -> Result<()> {
    let signal = if component == postgres::NAME {
        // Its SIGTERM waits for every client to leave.
        nix::sys::signal::Signal::SIGINT
    } else {
        nix::sys::signal::Signal::SIGTERM
    };
    process::stop_by(root, component, signal, Duration::from_secs(15)).await
}
