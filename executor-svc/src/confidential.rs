//! What one attempt's pod is given in confidence: secret variables, and who to
//! pull its image as. One Kubernetes Secret holds both and goes with the Job.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, Secret, SecretKeySelector};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared_types::registry::{self, DOCKER_HUB};
use shared_types::{ExecSpec, SecretId};
use store::registries::Credential;

const PULL_TYPE: &str = "kubernetes.io/dockerconfigjson";
const PULL_KEY: &str = ".dockerconfigjson";

/// The opened values of one attempt. `Debug` shows none.
#[derive(Debug, Default)]
pub struct Confidential {
    /// Of the spec's secret variables.
    pub values: BTreeMap<SecretId, SecretString>,
    /// For the image's registry.
    pub credential: Option<Credential>,
}

impl Confidential {
    /// Whether the attempt needs no Secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.credential.is_none()
    }

    /// The Secret of the attempt that `job` is. It belongs to the Job of that
    /// uid, so that Kubernetes removes it with the Job.
    #[must_use]
    pub fn secret(&self, spec: &ExecSpec, job: &Job, uid: &str) -> Secret {
        let owner = OwnerReference {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            name: job.name_any(),
            uid: uid.to_owned(),
            // The Job must not wait for it, and does not manage it.
            block_owner_deletion: None,
            controller: None,
        };
        let pull = self.credential.as_ref();
        let pull = pull.map(|credential| (PULL_KEY.to_owned(), docker_config(credential, spec)));
        let vars = spec.secret_vars.iter().filter_map(|(name, id)| {
            let value = self.values.get(id)?;
            Some((var_key(name), ByteString(value.expose_secret().into())))
        });
        Secret {
            metadata: ObjectMeta {
                name: job.metadata.name.clone(),
                namespace: job.metadata.namespace.clone(),
                labels: job.metadata.labels.clone(),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(if pull.is_some() { PULL_TYPE } else { "Opaque" }.to_owned()),
            data: Some(vars.chain(pull).collect()),
            // Nobody changes it, so nodes need not watch it.
            immutable: Some(true),
            ..Secret::default()
        }
    }
}

/// The environment variable whose value is in the Secret of that name.
/// Kubernetes expands nothing in it.
#[must_use]
pub fn variable(secret: &str, name: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.to_owned(),
                key: var_key(name),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
    }
}

/// Where a variable's value is in the Secret; never [`PULL_KEY`].
fn var_key(name: &str) -> String {
    format!("var.{name}")
}

/// What `docker login` would have written, for the image's registry only.
fn docker_config(credential: &Credential, spec: &ExecSpec) -> ByteString {
    let registry = if credential.registry == DOCKER_HUB {
        "https://index.docker.io/v1/"
    } else {
        // The node compares it with the image's own spelling.
        registry::split(&spec.image_repo).0.unwrap_or_default()
    };
    let login = json!({
        "username": credential.username,
        "password": credential.password.expose_secret(),
    });
    let config = json!({ "auths": { registry: login } });
    ByteString(config.to_string().into_bytes())
}
