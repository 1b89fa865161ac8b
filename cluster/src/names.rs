//! Every name that Escapement leaves in a cluster. Stored in objects that
//! outlive a process, so a change here orphans what runs.

/// Label: the exec's id, hyphenated.
pub const EXEC: &str = "escapement.dev/exec";
/// Label: the attempt's number, from 1.
pub const ATTEMPT: &str = "escapement.dev/attempt";
/// Label: the exec's shard, 0 to 63.
pub const SHARD: &str = "escapement.dev/shard";
/// Label: the id of the exec's job.
pub const JOB: &str = "escapement.dev/job";
/// Label: the job service's namespace, without the cluster's prefix.
pub const NAMESPACE: &str = "escapement.dev/namespace";
/// Label: says that the object is ours to change and delete.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const ESCAPEMENT: &str = "escapement";
/// Label: which installation owns the object; two may share a cluster.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// Annotation of a pod: where its program is in a trace.
pub const TRACEPARENT: &str = "escapement.dev/traceparent";

/// Scheduling gate of a pod that nobody claimed yet.
pub const CLAIM_GATE: &str = "escapement.dev/claim";
/// Finalizer: the pod's outcome is not recorded yet; the executor's.
pub const OUTCOME_FINALIZER: &str = "escapement.dev/outcome";
/// Finalizer: the pod's log is not stored yet; the log service's.
pub const LOGS_FINALIZER: &str = "escapement.dev/logs";

/// The one container of an exec's pod.
pub const MAIN_CONTAINER: &str = "main";
/// Container that runs before it where the output is to be proved.
pub const LOG_PROOF_CONTAINER: &str = "log-proof";
