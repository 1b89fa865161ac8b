//! Builds the service and starts its loops.

use std::sync::Arc;
use std::time::Duration;

use chassis::{Backoff, Check, ConfigError, Process};
use cluster::{Clients, Watch};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use shared_types::Shards;
use store::leases::Holder;
use store::logs::UnreadStream;
use store::secrets::Keyring;
use store::{DatabaseRole, Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::pods::{Pods, Told};
use crate::tail::TailContext;

const PROBE: Duration = Duration::from_secs(5);

/// How long the database may take to answer a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// Starts; ready when the pods are listed and the database answers.
pub async fn start(config: Config, process: Process) -> anyhow::Result<()> {
    config.check()?;
    let keyring =
        Keyring::new(&config.secrets).map_err(|why| ConfigError::invalid("secrets.keys", why))?;
    let store = Store::new(&config.database, DatabaseRole::Logs)?;
    let clients = Clients::new(&config.cluster).await?;
    let stopping = process.tasks.stopping();
    let database = process.readiness.check("database");
    database.fail("not asked yet");
    process.tasks.spawn(
        "database-probe",
        probe(store.clone(), database, stopping.clone()),
    );
    let context = Arc::new(TailContext::new(
        &config, store, keyring, &clients, &process,
    ));
    let (sender, shards) = watch::channel(Shards::default());
    let (region, lease) = (&config.cluster.region, config.tail.lease);
    let holder = Holder::new(&config.database, DatabaseRole::Logs, region, lease)?;
    process
        .tasks
        .spawn("leases", holder.run(sender, stopping.clone()));
    watch_pods(&config, &process, &clients, context, shards);
    Ok(())
}

fn watch_pods(
    config: &Config,
    process: &Process,
    clients: &Clients,
    context: Arc<TailContext>,
    shards: watch::Receiver<Shards>,
) {
    let api: Api<Pod> = Api::all(clients.watch.clone());
    let selector = cluster::selector(&config.cluster);
    let (watched, to_watch) = watch::channel(Shards::default());
    let watch = Watch::new(api, "Pod", selector, to_watch);
    let mut latch = Some(process.readiness.latch("pods listed"));
    let stopping = process.tasks.stopping();
    process.tasks.spawn("pods", async move {
        let (tell, told) = mpsc::unbounded_channel();
        let pods = Pods::new(context.clone(), watch.cache());
        let (tell_changed, tell_listed) = (tell.clone(), tell.clone());
        let listed = move || {
            // The receiver lives until all senders are gone.
            let _ = tell_listed.send(Told::Listed);
            drop(latch.take());
        };
        let watching = watch.run(stopping.clone(), listed, move |exec| {
            let _ = tell_changed.send(Told::Changed(exec));
        });
        let assigning = assign(context, shards, tell, watched);
        let assigning = stopping.run_until_cancelled(assigning);
        let ((), _, ended) = tokio::join!(watching, assigning, pods.run(told));
        ended
    });
}

/// Has shards watched once it is known which of their streams somebody has to seal: a pod
/// that a list begun after that does not show is gone.
async fn assign(
    context: Arc<TailContext>,
    mut shards: watch::Receiver<Shards>,
    tell: mpsc::UnboundedSender<Told>,
    watched: watch::Sender<Shards>,
) {
    while shards.changed().await.is_ok() {
        let shards = *shards.borrow_and_update();
        let new = shards.without(*watched.borrow());
        let left_open = left_open(&context, new).await;
        let _ = tell.send(Told::Assigned { shards, left_open });
        watched.send_replace(shards);
    }
}

/// Streams of these shards that somebody has to seal.
async fn left_open(context: &TailContext, shards: Shards) -> Vec<UnreadStream> {
    let mut backoff = Backoff::default();
    loop {
        match context.left_open(shards).await {
            Ok(streams) => return streams,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "open streams cannot be read; will be tried again");
            }
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Keeps `/readyz` honest about the database.
async fn probe(store: Store, database: Check, stopping: tokio_util::sync::CancellationToken) {
    let mut ticks = tokio::time::interval(PROBE);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match tokio::time::timeout(PROBE_LIMIT, ask(&store)).await {
            Ok(Ok(())) => database.pass(),
            Ok(Err(error)) => database.fail(error.to_string()),
            Err(_) => database.fail(format!("no answer within {PROBE_LIMIT:?}")),
        }
    }
}

async fn ask(store: &Store) -> Result<(), StoreError> {
    let mut conn = store.connection().await?;
    store::clock::now(&mut conn).await.map(drop)
}
