//! The watches of Jobs and pods: those of the region's shards that are this replica's.

use std::sync::Arc;

use chassis::Process;
use cluster::{Clients, Watch, selector};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use shared_types::Shards;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::queue::Queue;

/// What the cluster shows.
pub(super) struct Watches {
    pub(super) jobs: cluster::Cache<Job>,
    pub(super) pods: cluster::Cache<Pod>,
    /// Cancelled when the first list of each is complete.
    pub(super) first_lists: [CancellationToken; 2],
    /// Notified whenever a list is complete.
    pub(super) listed: Arc<Notify>,
}

impl Watches {
    pub(super) fn start(
        config: &Config,
        clients: &Clients,
        shards: &watch::Receiver<Shards>,
        queue: &Queue,
        process: &Process,
    ) -> Self {
        let selector = selector(&config.cluster);
        let client = clients.watch.clone();
        let api = Api::all(client.clone());
        let jobs = Watch::<Job>::new(api, "Job", selector.clone(), shards.clone());
        let pods = Watch::<Pod>::new(Api::all(client), "Pod", selector, shards.clone());
        let watches = Self {
            jobs: jobs.cache(),
            pods: pods.cache(),
            first_lists: Default::default(),
            listed: Arc::default(),
        };
        let [first_jobs, first_pods] = watches.first_lists.clone();
        watches.spawn(jobs, ("watch-jobs", first_jobs), queue, process);
        watches.spawn(pods, ("watch-pods", first_pods), queue, process);
        watches
    }
    fn spawn<K>(
        &self,
        watch: Watch<K>,
        (name, first_list): (&'static str, CancellationToken),
        queue: &Queue,
        process: &Process,
    ) where
        K: cluster::Indexed + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let mut latch = Some(process.readiness.latch(name));
        let (queue, notify) = (queue.clone(), self.listed.clone());
        let listed = move || {
            drop(latch.take());
            first_list.cancel();
            notify.notify_one();
        };
        let changed = move |exec| queue.submit(exec);
        let watching = watch.run(process.tasks.stopping(), listed, changed);
        process.tasks.spawn(name, watching);
    }
}
