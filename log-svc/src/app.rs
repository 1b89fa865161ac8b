//! Builds the service and starts its loops.

use std::sync::Arc;
use std::time::Duration;

use chassis::{Backoff, Check, ConfigError, Process};
use cluster::{Clients, Watch};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use store::logs::UnreadStream;
use store::secrets::Keyring;
use store::{DatabaseRole, Store, StoreError};
use tokio::sync::mpsc;

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
    let context = TailContext::new(&config, store, keyring, &clients, &process);
    watch_pods(&config, &process, &clients, Arc::new(context));
    Ok(())
}

fn watch_pods(config: &Config, process: &Process, clients: &Clients, context: Arc<TailContext>) {
    let api: Api<Pod> = Api::all(clients.watch.clone());
    let watch = Watch::new(api, "pod", cluster::selector(&config.cluster));
    let latch = process.readiness.latch("pods listed");
    let stopping = process.tasks.stopping();
    process.tasks.spawn("pods", async move {
        let Some(left_open) = stopping.run_until_cancelled(left_open(&context)).await else {
            return Ok(());
        };
        let (tell, told) = mpsc::unbounded_channel();
        let pods = Pods::new(context, watch.cache(), left_open);
        let tell_listed = tell.clone();
        let listed = move || {
            // The receiver lives until all senders are gone.
            let _ = tell_listed.send(Told::Listed);
            latch.release();
        };
        let watching = watch.run(stopping, listed, move |exec| {
            let _ = tell.send(Told::Changed(exec));
        });
        let ((), ended) = tokio::join!(watching, pods.run(told));
        ended
    });
}

/// Streams that somebody has to seal, as they are before the pods are listed.
async fn left_open(context: &TailContext) -> Vec<UnreadStream> {
    let mut backoff = Backoff::default();
    loop {
        match context.left_open().await {
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
