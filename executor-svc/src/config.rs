//! What executor-svc can be told; defaults are in `config.default.toml`.

mod namespaces;

pub use namespaces::{AdmissionConfig, Kept, NamespaceShare, RetentionConfig};

use std::collections::BTreeMap;
use std::time::Duration;

use bus::BrokerConfig;
use chassis::{HealthConfig, LogConfig, ShutdownConfig, TracesConfig};
use cluster::ClusterConfig;
use serde::Deserialize;
use shared_types::{RunRules, SizeTable};
use store::DatabaseConfig;
use store::leases::LeaseTime;
use store::secrets::SecretsConfig;

use crate::registries::Registries;

/// The embedded defaults.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// The sum of the components' configurations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[log]`
    pub log: LogConfig,
    /// `[health]`
    pub health: HealthConfig,
    /// `[shutdown]`
    #[serde(default)]
    pub shutdown: ShutdownConfig,
    /// `[traces]`
    #[serde(default)]
    pub traces: TracesConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[broker]`
    pub broker: BrokerConfig,
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[cluster]`
    pub cluster: ClusterConfig,
    /// `[admission]`
    pub admission: AdmissionConfig,
    /// `[reconcile]`
    pub reconcile: ReconcileConfig,
    /// `[retention]`
    pub retention: RetentionConfig,
    /// `[limits]`
    pub limits: Limits,
    /// `[pod]`
    pub pod: PodConfig,
    /// `[namespace]`
    pub namespace: NamespaceConfig,
    /// `[sizes]`: what each size grants.
    #[serde(default)]
    pub sizes: SizeTable,
}

chassis::service_config!(Config);

/// `[reconcile]`: how the work is driven.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcileConfig {
    /// Execs looked after at the same time.
    pub concurrency: usize,
    /// How often every open exec is looked at, announced or not.
    #[serde(with = "humantime_serde")]
    pub sweep_every: Duration,
    /// How long after its last sign of life a replica's share goes to others.
    pub lease: LeaseTime,
}

/// `[limits]`: how long each stage of an exec may last, and how much may pile up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Attempts that may end for the platform's reasons: all before the program starts,
    /// and of jobs that run at least once also those after it.
    pub attempts: usize,
    /// From the Job to its pod; from the node to the pod's sandbox.
    #[serde(with = "humantime_serde")]
    pub start_deadline: Duration,
    /// How long an exec may wait to be admitted, after that for its pod to be let through to
    /// a node, and for room while others of ours hold it.
    #[serde(with = "humantime_serde")]
    pub queue_deadline: Duration,
    /// From the node to the pulled image.
    #[serde(with = "humantime_serde")]
    pub pull_deadline: Duration,
    /// The same once the registry has answered that there is no such image.
    #[serde(with = "humantime_serde")]
    pub pull_not_found_grace: Duration,
    /// How long Kubernetes may refuse the container's configuration.
    #[serde(with = "humantime_serde")]
    pub config_error_deadline: Duration,
    /// How long a program may run whose job has no `timeout`.
    #[serde(with = "humantime_serde")]
    pub run_deadline: Duration,
    /// A pod that is asked to stop and does not is deleted this long after its grace.
    #[serde(with = "humantime_serde")]
    pub stop_patience: Duration,
    /// A pod that is being deleted and whose node says nothing is lost after this.
    #[serde(with = "humantime_serde")]
    pub node_lost_after: Duration,
    /// How long an ended pod is kept for its log to be stored.
    #[serde(with = "humantime_serde")]
    pub log_hold: Duration,
    /// How long the pod of a lost exec is kept for late evidence.
    #[serde(with = "humantime_serde")]
    pub lost_hold: Duration,
    /// The pause before the second attempt where the job has no `retry_backoff`; each
    /// further one is twice as long.
    #[serde(with = "humantime_serde")]
    pub retry_backoff: Duration,
    /// No pause is longer, but that which a job asks for first.
    #[serde(with = "humantime_serde")]
    pub retry_backoff_cap: Duration,
    /// Age at which a Job of ours without an exec is deleted.
    #[serde(with = "humantime_serde")]
    pub orphan_quarantine: Duration,
    /// No pod is claimed while this many ended pods wait for their logs.
    pub unsealed_pods: usize,
}

impl Limits {
    /// How long a program may run.
    #[must_use]
    pub fn run_limit(&self, rules: &RunRules) -> Duration {
        rules.timeout().unwrap_or(self.run_deadline)
    }

    /// How long to wait for room: while `others` of ours hold it, it will come.
    #[must_use]
    pub fn room_deadline(&self, others: usize) -> Duration {
        if others > 0 {
            self.queue_deadline
        } else {
            self.start_deadline
        }
    }
}

/// `[pod]`: how an exec's pod is set up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "Kubernetes' own switches")]
pub struct PodConfig {
    /// Where images may come from; `*` is every registry but those of private networks.
    pub registries: Registries,
    /// `Always`, or `IfNotPresent` where tags never move and tenants share images.
    pub image_pull_policy: String,
    /// From SIGTERM to SIGKILL where the job has no `grace_period`; whole seconds.
    #[serde(with = "humantime_serde")]
    pub termination_grace: Duration,
    /// How long a pod stays on a node that is not ready or unreachable.
    #[serde(with = "humantime_serde")]
    pub unreachable_toleration: Duration,
    /// Seccomp profile type.
    pub seccomp_profile: String,
    /// Whether the program may gain more rights than it starts with.
    pub allow_privilege_escalation: bool,
    /// Whether an image whose user is root is refused.
    pub run_as_non_root: bool,
    /// Whether the image's files are read-only.
    pub read_only_root: bool,
    /// Linux capabilities that are taken from those an image's user has by default.
    pub drop_capabilities: Vec<String>,
    /// Whether users of the pod are the node's. Without, root in a pod is nobody on the
    /// node, which takes a kernel and a runtime with user namespaces.
    pub host_users: bool,
    /// Whether the pod's processes share a namespace, in which the pause process and
    /// not the program is the first: SIGTERM then ends an ordinary program at once.
    pub share_process_namespace: bool,
    /// Image that has `/usr/local/bin/log-proof`, for jobs with `log_proof`; nodes pull it
    /// without a credential.
    #[serde(default)]
    pub log_proof_image: Option<String>,
    /// How it comes from there into a pod.
    pub log_proof_volume: LogProofVolume,
    /// Labels a node must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
}

/// Where a pod has `log-proof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogProofVolume {
    /// In a volume of its own, to which a container copies it before the program starts.
    EmptyDir,
    /// In its image, mounted as a volume, which cluster and runtime have to know.
    Image,
}

/// `[namespace]`: what a Kubernetes namespace gets when it is first used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceConfig {
    /// Pod Security level that is enforced.
    pub pod_security: String,
    /// Whether incoming connections to pods are denied.
    pub deny_ingress: bool,
    /// Networks that programs cannot reach, as CIDRs; with none, they reach everything.
    #[serde(default)]
    pub egress_except: Vec<String>,
    /// Hard limits of the `ResourceQuota`; an empty text takes a default one away, and
    /// without any there is no quota.
    #[serde(default)]
    pub quota: BTreeMap<String, String>,
}

impl NamespaceConfig {
    /// The hard limits that there are.
    pub fn limits(&self) -> impl Iterator<Item = (&String, &String)> {
        self.quota.iter().filter(|(_, limit)| !limit.is_empty())
    }
}
