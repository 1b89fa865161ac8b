//! What an exec runs, as the Kubernetes Job of one attempt. Pure, so that every
//! field of it is seen in a snapshot.

mod environment;
pub(crate) mod log_proof;

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::{ClusterConfig, PodIdentity, names};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, LocalObjectReference, PodSchedulingGate, PodSecurityContext, PodSpec,
    PodTemplateSpec, ResourceRequirements, SeccompProfile, SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use shared_types::trace::Traceparent;
use shared_types::{ExecSpec, RunRules, SizeTable};
use store::lifecycle::Program;
use thiserror::Error;

use crate::confidential::Confidential;
use crate::config::{Limits, PodConfig};
use crate::namespace::SERVICE_ACCOUNT;
use crate::registries::RegistryError;

/// Why no Job can be made of a spec.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// The deployment no longer has this size.
    #[error("there is no size {name}; sizes are {known}")]
    Size {
        /// The size asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Its image is not to be asked for.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its command cannot be split into words.
    #[error("the command {0}")]
    Command(#[source] shared_types::spec::CommandError),
    /// The deployment cannot prove an output.
    #[error(
        "`log_proof` needs the setting `pod.log_proof_image` of executor-svc, which this deployment does not have"
    )]
    NoLogProof,
}

/// What all Jobs of a deployment have in common.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// Names and labels.
    pub cluster: &'a ClusterConfig,
    /// The pod's set-up.
    pub pod: &'a PodConfig,
    /// Its time limits.
    pub limits: &'a Limits,
    /// What sizes grant.
    pub sizes: &'a SizeTable,
}

impl Template<'_> {
    /// The Job of one attempt. Its pod waits at the gate until it is claimed,
    /// and carries no finalizer before.
    pub fn job(
        &self,
        identity: &PodIdentity,
        program: &Program,
        confidential: &Confidential,
        trace: Option<Traceparent>,
    ) -> Result<Job, ManifestError> {
        let spec = &program.spec;
        self.pod.registries.check(&spec.image_repo)?;
        let labels = self.labels(identity);
        let name = identity.exec.job_name(identity.attempt);
        let mut container = self.container(spec)?;
        container.env = Some(environment::variables(identity, program, &name, trace));
        let mut annotations = keep_on_node();
        if let Some(trace) = trace {
            annotations.insert(names::TRACEPARENT.to_owned(), trace.to_string());
        }
        let mut pod = self.pod(container, &spec.rules);
        if confidential.credential.is_some() {
            pod.image_pull_secrets = Some(vec![LocalObjectReference { name: name.clone() }]);
        }
        if spec.log_proof {
            log_proof::put_before(&mut pod, identity, self.pod)?;
        }
        Ok(Job {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(self.cluster.namespace(&identity.namespace)),
                labels: Some(labels.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(JobSpec {
                parallelism: Some(1),
                completions: Some(1),
                backoff_limit: Some(0),
                // The default starts a second pod while the first still ends.
                pod_replacement_policy: Some("Failed".to_owned()),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(labels),
                        annotations: Some(annotations),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(pod),
                },
                ..JobSpec::default()
            }),
            status: None,
        })
    }

    fn labels(&self, identity: &PodIdentity) -> BTreeMap<String, String> {
        let own = [
            (names::MANAGED_BY, names::ESCAPEMENT.to_owned()),
            (names::INSTANCE, self.cluster.instance.clone()),
        ];
        let labels = own.into_iter().chain(identity.labels());
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn pod(&self, container: Container, rules: &RunRules) -> PodSpec {
        let selector = &self.pod.node_selector;
        let run = self.limits.run_limit(rules);
        let grace = rules.grace_period().unwrap_or(self.pod.termination_grace);
        PodSpec {
            scheduling_gates: Some(vec![PodSchedulingGate {
                name: names::CLAIM_GATE.to_owned(),
            }]),
            restart_policy: Some("Never".to_owned()),
            // For when nobody is there to lower it in time. Its clock starts with the pull.
            active_deadline_seconds: Some(seconds(run + self.limits.pull_deadline)),
            termination_grace_period_seconds: Some(seconds(grace)),
            service_account_name: Some(SERVICE_ACCOUNT.to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            // As the first process of its namespace a program is sent no signal that
            // it does not handle: one that handles none would live to its SIGKILL.
            share_process_namespace: self.pod.share_process_namespace.then_some(true),
            host_users: (!self.pod.host_users).then_some(false),
            node_selector: (!selector.is_empty()).then(|| selector.clone()),
            security_context: Some(PodSecurityContext {
                run_as_non_root: self.pod.run_as_non_root.then_some(true),
                seccomp_profile: Some(SeccompProfile {
                    type_: self.pod.seccomp_profile.clone(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            tolerations: Some(self.tolerations()),
            containers: vec![container],
            ..PodSpec::default()
        }
    }

    /// The program, without its environment.
    fn container(&self, spec: &ExecSpec) -> Result<Container, ManifestError> {
        let args = spec.command.args().map_err(ManifestError::Command)?;
        Ok(Container {
            name: names::MAIN_CONTAINER.to_owned(),
            image: Some(spec.image()),
            image_pull_policy: Some(self.pod.image_pull_policy.clone()),
            command: literals(&spec.entrypoint),
            args: literals(&args),
            resources: Some(self.resources(&spec.size)?),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(self.pod.allow_privilege_escalation),
                read_only_root_filesystem: self.pod.read_only_root.then_some(true),
                capabilities: self.capabilities(),
                ..SecurityContext::default()
            }),
            ..Container::default()
        })
    }

    fn capabilities(&self) -> Option<Capabilities> {
        let dropped = &self.pod.drop_capabilities;
        (!dropped.is_empty()).then(|| Capabilities {
            drop: Some(dropped.clone()),
            add: None,
        })
    }

    /// Requests equal limits, so what is granted is also there.
    fn resources(&self, name: &str) -> Result<ResourceRequirements, ManifestError> {
        let size = self.sizes.get(name).ok_or_else(|| ManifestError::Size {
            name: name.to_owned(),
            known: self.sizes.names().collect::<Vec<_>>().join(", "),
        })?;
        let mut granted = BTreeMap::from([
            ("cpu".to_owned(), Quantity(size.cpu.clone())),
            ("memory".to_owned(), Quantity(size.memory.clone())),
        ]);
        if let Some(disk) = &size.disk {
            granted.insert("ephemeral-storage".to_owned(), Quantity(disk.clone()));
        }
        Ok(ResourceRequirements {
            requests: Some(granted.clone()),
            limits: Some(granted),
            claims: None,
        })
    }

    /// A short network fault must not end what may not be run twice.
    fn tolerations(&self) -> Vec<Toleration> {
        [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ]
        .into_iter()
        .map(|taint| Toleration {
            key: Some(taint.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some("NoExecute".to_owned()),
            toleration_seconds: Some(seconds(self.pod.unreachable_toleration)),
            value: None,
        })
        .collect()
    }
}

/// Asks autoscalers not to move the pod: it would be run again.
fn keep_on_node() -> BTreeMap<String, String> {
    BTreeMap::from([
        (
            "cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(),
            "false".to_owned(),
        ),
        ("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned()),
    ])
}

fn literals(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.iter().map(|word| literal(word)).collect())
}

/// Kubernetes expands `$(NAME)` in arguments and values; a doubled `$` is one
/// `$` to it and nothing more.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
