//! The Kubernetes namespace of a job-service namespace: made on first use, with
//! what keeps its tenants from each other and from the cluster.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::{CallError, ClusterConfig, names, persist};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ResourceQuotaSpec, ServiceAccount};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::config::NamespaceConfig;

/// The service account of all pods. It has no rights; the namespace's own
/// `default` appears some time after the namespace, and pods wait for it.
pub(crate) const SERVICE_ACCOUNT: &str = "escapement-exec";

const LIMIT: Duration = Duration::from_secs(20);

/// The namespaces that this process has made, or found to be there.
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

    /// Makes the namespace and what belongs in it, unless that was done.
    pub(crate) async fn ensure(&self, name: &str) -> Result<(), CallError> {
        self.made.once(name, self.make(name)).await
    }

    async fn make(&self, name: &str) -> Result<(), CallError> {
        create(&Api::all(self.client.clone()), &self.namespace(name)).await?;
        let account = ServiceAccount {
            metadata: self.metadata(SERVICE_ACCOUNT),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        };
        create(&Api::namespaced(self.client.clone(), name), &account).await?;
        if self.config.deny_ingress {
            create(
                &Api::namespaced(self.client.clone(), name),
                &self.deny_ingress(),
            )
            .await?;
        }
        if !self.config.quota.is_empty() {
            create(&Api::namespaced(self.client.clone(), name), &self.quota()).await?;
        }
        Ok(())
    }

    /// The namespace was found to be gone.
    pub(crate) fn forget(&self, name: &str) {
        self.made.cells().remove(name);
    }

    fn metadata(&self, name: &str) -> ObjectMeta {
        let labels = [
            (names::MANAGED_BY, names::ESCAPEMENT),
            (names::INSTANCE, &self.instance),
        ];
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(
                labels
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..ObjectMeta::default()
        }
    }

    fn namespace(&self, name: &str) -> Namespace {
        let mut metadata = self.metadata(name);
        metadata.labels.get_or_insert_default().insert(
            "pod-security.kubernetes.io/enforce".to_owned(),
            self.config.pod_security.clone(),
        );
        Namespace {
            metadata,
            ..Namespace::default()
        }
    }

    fn deny_ingress(&self) -> NetworkPolicy {
        NetworkPolicy {
            metadata: self.metadata("escapement-deny-ingress"),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(LabelSelector::default()),
                policy_types: Some(vec!["Ingress".to_owned()]),
                ..NetworkPolicySpec::default()
            }),
        }
    }

    fn quota(&self) -> ResourceQuota {
        let hard = self.config.quota.iter();
        let hard: BTreeMap<_, _> = hard
            .map(|(name, limit)| (name.clone(), Quantity(limit.clone())))
            .collect();
        ResourceQuota {
            metadata: self.metadata("escapement"),
            spec: Some(ResourceQuotaSpec {
                hard: Some(hard),
                ..ResourceQuotaSpec::default()
            }),
            status: None,
        }
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

/// Creates an object; one that is there already is as good.
async fn create<K>(api: &Api<K>, object: &K) -> Result<(), CallError>
where
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let params = PostParams::default();
    match persist(LIMIT, || api.create(&params, object)).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(409) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

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
