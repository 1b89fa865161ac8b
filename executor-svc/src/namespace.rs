//! The Kubernetes namespace of a job-service namespace: made on first use, with
//! what keeps its tenants from each other and from the cluster.

mod objects;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::{Backoff, BackoffConfig};
use cluster::{CallError, ClusterConfig, names, persist};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::config::NamespaceConfig;
use objects::is_counted;

/// The service account of all pods. It has no rights; the namespace's own
/// `default` appears some time after the namespace, and pods wait for it.
pub(crate) const SERVICE_ACCOUNT: &str = "escapement-exec";

const LIMIT: Duration = Duration::from_secs(20);
/// How long Kubernetes may take to count what is in a namespace, and how often it is asked.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);
const COUNTING: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(50),
    cap: Duration::from_secs(1),
    reset_after: Duration::MAX,
};

/// Why a namespace cannot be used.
#[derive(Debug, Error)]
pub(crate) enum NamespaceError {
    /// Somebody else's has the name: what runs in it, and what it may, is theirs.
    #[error(
        "the Kubernetes namespace {0} is not this installation's; its labels {by} and {instance} \
         would say so",
        by = names::MANAGED_BY,
        instance = names::INSTANCE
    )]
    Foreign(String),
    /// The API server did not do it.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The namespaces that this process has made, or found to be ours.
pub(crate) struct Namespaces {
    client: Client,
    instance: String,
    config: NamespaceConfig,
    made: Made,
}

impl Namespaces {
    pub(crate) fn new(client: Client, cluster: &ClusterConfig, config: NamespaceConfig) -> Self {
        let instance = cluster.instance.clone();
        Self {
            client,
            instance,
            config,
            made: Made::default(),
        }
    }

    /// Makes the namespace and what belongs in it, unless that was done. One of that
    /// name that is not ours is not touched.
    pub(crate) async fn ensure(&self, name: &str) -> Result<(), NamespaceError> {
        // Boxed, because it is large and hardly ever run.
        self.made.once(name, Box::pin(self.make(name))).await
    }

    async fn make(&self, name: &str) -> Result<(), NamespaceError> {
        let (api, wanted) = (Api::all(self.client.clone()), self.namespace(name));
        if create(&api, &wanted).await? == Created::WasThere {
            let found = persist(LIMIT, || api.get(name)).await?;
            if !is_of(found.labels(), wanted.labels()) {
                return Err(NamespaceError::Foreign(name.to_owned()));
            }
        }
        self.furnish(name).await
    }

    async fn furnish(&self, name: &str) -> Result<(), NamespaceError> {
        let account = ServiceAccount {
            metadata: self.metadata(SERVICE_ACCOUNT),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        };
        create(&Api::namespaced(self.client.clone(), name), &account).await?;
        let policies = Api::namespaced(self.client.clone(), name);
        let (ingress, egress) = (self.deny_ingress(), self.egress());
        keep(&policies, &ingress, self.config.deny_ingress).await?;
        keep(&policies, &egress, !self.config.egress_except.is_empty()).await?;
        self.limit(name).await
    }

    /// Kubernetes keeps to a quota from when its controller has counted what there is, so
    /// the first Jobs of a namespace wait for that.
    async fn limit(&self, name: &str) -> Result<(), NamespaceError> {
        let (quotas, quota) = (Api::namespaced(self.client.clone(), name), self.quota());
        let has_quota = self.config.limits().next().is_some();
        let (mut pauses, until) = (Backoff::new(COUNTING), Instant::now() + COUNTED_WITHIN);
        while let Some(kept) = keep(&quotas, &quota, has_quota).await?
            && !is_counted(&kept)
        {
            if Instant::now() >= until {
                tracing::warn!(
                    namespace = name,
                    "Kubernetes has not counted what its quota limits; nothing is held by it yet"
                );
                break;
            }
            sleep(pauses.next_delay()).await;
        }
        Ok(())
    }

    /// The namespace was found to be gone.
    pub(crate) fn forget(&self, name: &str) {
        self.made.cells().remove(name);
    }
}

/// What was made, by name. All execs of a burst ask at once: one of them makes
/// it and the others wait.
#[derive(Default)]
struct Made(Mutex<HashMap<String, Arc<OnceCell<()>>>>);

impl Made {
    async fn once<E>(
        &self,
        name: &str,
        make: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let cell = self.cells().entry(name.to_owned()).or_default().clone();
        cell.get_or_try_init(|| make).await.copied()
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether labels name the installation that the others do.
fn is_of(found: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) -> bool {
    let both = [names::MANAGED_BY, names::INSTANCE];
    both.iter()
        .all(|label| found.get(*label) == ours.get(*label))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Created {
    Now,
    WasThere,
}

/// Creates an object, unless there is one of its name.
async fn create<K>(api: &Api<K>, object: &K) -> Result<Created, CallError>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    match cluster::create(api, object).await {
        Ok(_) => Ok(Created::Now),
        Err(error) if error.code() == Some(409) => Ok(Created::WasThere),
        Err(error) => Err(error),
    }
}

/// Has an object be as the configuration says now, whatever it said before, or not be
/// at all. What it is then.
async fn keep<K>(api: &Api<K>, object: &K, is_wanted: bool) -> Result<Option<K>, CallError>
where
    K: Clone + Debug + Serialize + DeserializeOwned + Resource,
{
    let name = object.meta().name.as_deref().unwrap_or_default();
    if is_wanted {
        let params = PatchParams::apply(names::ESCAPEMENT).force();
        let patch = Patch::Apply(object);
        return persist(LIMIT, || api.patch(name, &params, &patch))
            .await
            .map(Some);
    }
    let params = DeleteParams::default();
    match persist(LIMIT, || api.delete(name, &params)).await {
        Err(error) if error.code() != Some(404) => Err(error),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[test]
    fn a_namespace_is_ours_by_both_labels() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let (by, instance) = ((names::MANAGED_BY, "escapement"), (names::INSTANCE, "one"));
        let ours = labels(&[
            by,
            instance,
            ("pod-security.kubernetes.io/enforce", "baseline"),
        ]);
        assert!(is_of(&labels(&[by, instance, ("more", "labels")]), &ours));
        for foreign in [
            labels(&[]),
            labels(&[by]),
            labels(&[instance]),
            labels(&[by, (names::INSTANCE, "two")]),
            labels(&[(names::MANAGED_BY, "Helm"), instance]),
        ] {
            assert!(!is_of(&foreign, &ours), "{foreign:?}");
        }
    }

    #[tokio::test]
    async fn a_burst_makes_a_namespace_once() {
        let (made, calls) = (Made::default(), AtomicUsize::new(0));
        let attempt = async || {
            tokio::task::yield_now().await;
            match calls.fetch_add(1, Ordering::Relaxed) {
                0 => Err("no"),
                _ => Ok(()),
            }
        };
        let burst = join_all((0..32).map(|_| made.once("a", attempt()))).await;
        assert_eq!(burst.iter().filter(|result| result.is_err()).count(), 1);
        assert_eq!(calls.load(Ordering::Relaxed), 2, "failed once, then made");
        made.cells().remove("a");
        assert_eq!(made.once("a", attempt()).await, Ok(()));
        assert_eq!(calls.load(Ordering::Relaxed), 3, "made anew when gone");
    }
}
