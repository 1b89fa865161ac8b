//! What the user brings along: `DATABASE_URL`, `AMQP_URL`, `KUBECONFIG`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use url::Url;

use crate::part::Part;
use crate::root::Root;

const DATABASE: &str = "DATABASE_URL";
const BROKER: &str = "AMQP_URL";
const CLUSTER: &str = "KUBECONFIG";
const IMAGE: &str = "DEMO_IMAGE";
const TAG: &str = "DEMO_TAG";

/// Components the user runs, used instead of starting them.
#[derive(Debug, Default, Clone)]
pub struct Given {
    /// A Postgres superuser's address.
    pub database_url: Option<Url>,
    /// A RabbitMQ address with the vhost to use.
    pub amqp_url: Option<Url>,
    /// A cluster's administrator.
    pub kubeconfig: Option<PathBuf>,
    image: Option<(String, String)>,
}

impl Given {
    /// Reads the environment, leaving out what devstack itself wrote to an env file
    /// of these roots and the user's shell has sourced.
    pub fn from_env(roots: &[&Root]) -> Result<Self> {
        let mut issued = std::collections::BTreeSet::new();
        for root in roots {
            issued.extend(root.state().read()?.issued);
        }
        let theirs = |name: &str| {
            let value = std::env::var(name).ok()?;
            (!value.is_empty() && !issued.contains(&value)).then_some(value)
        };
        Self::parse(theirs)
    }

    /// What the last `up` of this root was given.
    pub(crate) fn kept(root: &Root) -> Result<Self> {
        let kept = root.state().read()?.given;
        Self::parse(|name| kept.get(name).cloned())
    }

    /// Remembers it for later commands on this root.
    pub(crate) fn keep(&self, root: &Root) -> Result<()> {
        let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
        let path = self
            .kubeconfig
            .as_ref()
            .map(|path| path.display().to_string());
        let (image, tag) = self.image.clone().unzip();
        let all = [
            (DATABASE, text(&self.database_url)),
            (BROKER, text(&self.amqp_url)),
            (CLUSTER, path),
            (IMAGE, image),
            (TAG, tag),
        ];
        root.state().update(|state| {
            let set = all
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            state.given = set.collect();
            Ok(())
        })
    }

    /// Whether this part need not be started.
    pub fn has(&self, part: Part) -> bool {
        match part {
            Part::Postgres => self.database_url.is_some(),
            Part::RabbitMq => self.amqp_url.is_some(),
            Part::Kubernetes => self.kubeconfig.is_some(),
            Part::Python | Part::Services => false,
        }
    }

    /// The image to demonstrate with on a cluster that cannot see our registry.
    pub(crate) fn demo_image(&self) -> (String, String) {
        let public = || ("docker.io/library/busybox".to_owned(), "1.36".to_owned());
        self.image.clone().unwrap_or_else(public)
    }

    fn parse(read: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let url = |name: &str| {
            let text = read(name);
            text.map(|text| Url::parse(&text).with_context(|| format!("{name} is not a URL")))
                .transpose()
        };
        Ok(Self {
            database_url: url(DATABASE)?,
            amqp_url: url(BROKER)?,
            kubeconfig: read(CLUSTER).map(PathBuf::from),
            image: read(IMAGE)
                .map(|image| (image, read(TAG).unwrap_or_else(|| "latest".to_owned()))),
        })
    }
}
