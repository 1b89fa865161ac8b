//! Where images may come from. A tenant names the registry and the node asks it, from
//! inside the operator's network.

use std::net::Ipv4Addr;

use serde::Deserialize;
use shared_types::registry::{DOCKER_HUB, canonical, split};
use thiserror::Error;
use url::Host;

/// In the list: every registry but those of a private network.
const PUBLIC: &str = "*";

/// `[pod] registries`: names such as `registry.example.com:5000`, or without a port for
/// all ports of a host, and `*`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Registries(#[serde(deserialize_with = "chassis::config::comma_list")] Vec<String>);

/// Why an image's registry is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// It is not in the list.
    #[error("images of {registry} are not run here; those of {allowed} are")]
    Unlisted {
        /// Whose images.
        registry: String,
        /// The list.
        allowed: String,
    },
    /// It is in the node's own network, or the node itself.
    #[error(
        "{0} is an address of a private network, which the operator of this region has not listed \
         as a registry"
    )]
    Private(String),
}

impl Registries {
    /// Whether images of a repository are run here.
    pub fn check(&self, repository: &str) -> Result<(), RegistryError> {
        let registry = canonical(split(repository).0.unwrap_or(DOCKER_HUB));
        let is_listed = self.0.iter().any(|listed| {
            let listed = canonical(listed);
            listed == registry || listed == host(&registry)
        });
        let are_public = self.0.iter().any(|listed| listed == PUBLIC);
        match (is_listed, are_public) {
            (true, _) => Ok(()),
            (false, true) if !is_private(&registry) => Ok(()),
            (false, true) => Err(RegistryError::Private(registry)),
            (false, false) => Err(RegistryError::Unlisted {
                allowed: self.0.join(", "),
                registry,
            }),
        }
    }
}

fn host(registry: &str) -> &str {
    let parts = registry.rsplit_once(':');
    parts.map_or(registry, |(host, _)| host)
}

/// Whether a registry is by its very name no public one. What a name resolves to is
/// the business of the nodes' own egress rules.
fn is_private(registry: &str) -> bool {
    // In all the spellings that a resolver takes: `127.1` is 127.0.0.1.
    match Host::parse(host(registry)) {
        Ok(Host::Ipv4(address)) => !is_global(address),
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        // No image can be named by it.
        Ok(Host::Ipv6(_)) | Err(_) => true,
    }
}

/// By the IANA registry of special addresses.
fn is_global(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_special = matches!(first, 0 | 240..) || (first == 198 && matches!(second, 18 | 19));
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || is_shared
        || is_special)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registries(list: &[&str]) -> Registries {
        Registries(list.iter().map(|&item| item.to_owned()).collect())
    }

    #[test]
    fn public_registries_are_no_private_addresses() {
        let public = registries(&["*"]);
        for repository in [
            "busybox",
            "library/busybox",
            "docker.io/library/busybox",
            "registry.example.com:5000/a",
            "8.8.8.8/a",
            "8.8.8.8:5000/a@sha256:00",
        ] {
            assert_eq!(public.check(repository), Ok(()), "{repository}");
        }
        for repository in [
            "127.0.0.1:22412/x",
            "127.1:80/x",
            "0x7f000001:1/x",
            "2130706433:1/x",
            "0177.0.0.1/x",
            "0.0.0.0/x",
            "localhost/x",
            "LOCALHOST:5000/x",
            "a.localhost/x",
            "169.254.169.254/x",
            "10.1.2.3/x",
            "172.16.0.1/x",
            "192.168.0.1/x",
            "100.64.0.1/x",
            "198.18.0.1/x",
            "224.0.0.1/x",
            "255.255.255.255/x",
        ] {
            let refused = public.check(repository);
            assert!(
                matches!(refused, Err(RegistryError::Private(_))),
                "{repository}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_listed_is_allowed_and_without_a_star_nothing_else() {
        let one = registries(&["127.0.0.1:5000", "R.io"]);
        assert_eq!(one.check("127.0.0.1:5000/x"), Ok(()));
        assert_eq!(one.check("r.io/x"), Ok(()));
        let why = one.check("127.0.0.1:5001/x").unwrap_err().to_string();
        assert_eq!(
            why,
            "images of 127.0.0.1:5001 are not run here; those of 127.0.0.1:5000, R.io are"
        );
        assert!(one.check("busybox").is_err());
        let host = registries(&["*", "127.0.0.1"]);
        assert_eq!(host.check("127.0.0.1:5001/x"), Ok(()));
        assert!(host.check("127.0.0.2:5001/x").is_err());
        let both = registries(&["*", "127.0.0.1:5000"]);
        assert_eq!(both.check("127.0.0.1:5000/x"), Ok(()));
        assert!(both.check("127.0.0.1:5001/x").is_err());
        assert_eq!(both.check("busybox"), Ok(()));
    }
}
