//! The watches of the region's Jobs and pods.

use chassis::Process;
use cluster::{Clients, Watch, selector};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::queue::Queue;

/// What the cluster shows, and whether it has shown everything once.
pub(super) struct Watches {
    pub(super) jobs: cluster::Cache<Job>,
    pub(super) pods: cluster::Cache<Pod>,
    pub(super) listed: [CancellationToken; 2],
}

impl Watches {
    pub(super) fn start(
        config: &Config,
        clients: &Clients,
        queue: &Queue,
        process: &Process,
    ) -> Self {
        let selector = selector(&config.cluster);
        let client = clients.watch.clone();
        let jobs = Watch::<Job>::new(Api::all(client.clone()), "Job", selector.clone());
        let pods = Watch::<Pod>::new(Api::all(client), "Pod", selector);
        let (jobs_cache, pods_cache) = (jobs.cache(), pods.cache());
        Self {
            listed: [
                spawn(jobs, "watch-jobs", queue, process),
                spawn(pods, "watch-pods", queue, process),
            ],
            jobs: jobs_cache,
            pods: pods_cache,
        }
    }
}

/// Runs a watch; the token is cancelled when its first list is complete.
fn spawn<K>(
    watch: Watch<K>,
    name: &'static str,
    queue: &Queue,
    process: &Process,
) -> CancellationToken
where
    K: cluster::Indexed + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let complete = CancellationToken::new();
    let latch = process.readiness.latch(name);
    let (queue, token) = (queue.clone(), complete.clone());
    let listed = move || {
        latch.release();
        token.cancel();
    };
    let stopping = process.tasks.stopping();
    process.tasks.spawn(
        name,
        watch.run(stopping, listed, move |exec| queue.submit(exec)),
    );
    complete
}
