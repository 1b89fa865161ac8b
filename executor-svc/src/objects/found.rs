//! What is read from the cluster itself, where the watches cannot have the last word.

use cluster::{CallError, insist, persist};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{LIMIT, Objects};

/// Objects of one answer.
const PAGE: u32 = 500;

impl Objects {
    pub(crate) async fn job(&self, namespace: &str, name: &str) -> Result<Option<Job>, CallError> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        persist(LIMIT, || api.get_opt(name)).await
    }

    pub(crate) async fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>, CallError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        persist(LIMIT, || api.get_opt(name)).await
    }

    /// All objects with these labels, page by page.
    pub(crate) async fn list<K>(&self, selector: &str) -> Result<Vec<K>, CallError>
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let params = ListParams::default().labels(selector);
        let mut found = Vec::new();
        each(&api, params, |object| found.push(object)).await?;
        Ok(found)
    }
}

/// Takes every object of a list, page by page.
pub(super) async fn each<K>(
    api: &Api<K>,
    params: ListParams,
    mut take: impl FnMut(K),
) -> Result<(), CallError>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut page = params.limit(PAGE);
    loop {
        let list = insist(LIMIT, || api.list(&page)).await?;
        list.items.into_iter().for_each(&mut take);
        match list.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page = page.continue_token(&next),
            None => return Ok(()),
        }
    }
}
