//! Puts the service together: watches that fill the caches, a queue of execs,
//! workers that reconcile them, and everything that puts execs into the queue.

mod watches;

use std::sync::{Arc, Mutex};

use bus::{Bus, Delivery, HintBinding, HintRoute, Hints};
use chassis::{ConfigError, Process};
use cluster::Clients;
use futures::future::join_all;
use shared_types::Shards;
use shared_types::message::Hint;
use store::leases::Holder;
use store::lifecycle::Held;
use store::secrets::Keyring;
use store::{DatabaseRole, Store};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use self::watches::Watches;
use crate::admission::{Admission, Door};
use crate::config::Config;
use crate::namespace::Namespaces;
use crate::objects::{Events, Objects};
use crate::pace::Pace;
use crate::probe::Probe;
use crate::purge::Purge;
use crate::queue::Queue;
use crate::reconcile::Reconciler;
use crate::record::ExecRows;
use crate::sweep::Sweep;

/// Builds the service and starts its loops.
pub async fn start(config: Config, process: Process) -> anyhow::Result<()> {
    check(&config)?;
    let keyring = keyring(&config)?;
    let config = Arc::new(config);
    let store = Store::new(&config.database, DatabaseRole::Executor)?;
    let clients = Clients::new(&config.cluster).await?;
    let bus = Bus::connect(config.broker.clone(), &process)?;
    let (queue, door) = (Queue::default(), Door::default());
    let shards = hold_shards(&config, &process)?;
    let watches = Watches::start(&config, &clients, &shards, &queue, &process);
    let publisher = bus.publisher();
    let record = ExecRows::new(store.clone(), publisher, keyring, door.clone(), &process);
    let reconciler = Arc::new(Reconciler {
        record,
        queue: queue.clone(),
        door: door.clone(),
        jobs: watches.jobs.clone(),
        pods: watches.pods.clone(),
        objects: Objects::new(clients.unary.clone(), watches.pods.clone()),
        events: Events::new(clients.unary.clone(), &process.flush),
        namespaces: Namespaces::new(clients.unary, &config.cluster, config.namespace.clone()),
        creates: Pace::new("create", queue.clone()),
        clean_ups: Pace::new("clean-up", queue.clone()),
        load: Mutex::default(),
        traces: process.traces.clone(),
        config: config.clone(),
    });
    look_after_rows(&config, &store, (queue.clone(), door.clone()), &process);
    let (intake, open) = watch::channel(false);
    let ready = process.readiness.check("database");
    ready.fail("not asked yet");
    let probe = Probe {
        store,
        intake,
        ready,
    };
    let sweep = Sweep {
        reconciler,
        listed: watches.listed,
    };
    let work = work(sweep, watches.first_lists, probe, process.clone());
    process.tasks.spawn("reconcile", work);
    take_announcements(&config.cluster.region, &bus, open, (queue, door), &process);
    Ok(())
}

/// Keeps this replica's share of the region's shards; tells which they are.
fn hold_shards(config: &Config, process: &Process) -> anyhow::Result<watch::Receiver<Shards>> {
    let (sender, shards) = watch::channel(Shards::default());
    let holder = Holder::new(
        &config.database,
        DatabaseRole::Executor,
        &config.cluster.region,
        config.reconcile.lease,
    )?;
    let holding = holder.run(sender, process.tasks.stopping());
    process.tasks.spawn("leases", holding);
    Ok(shards)
}

/// What needs the database only: who may begin, and what goes.
fn look_after_rows(
    config: &Arc<Config>,
    store: &Store,
    (queue, door): (Queue, Door),
    process: &Process,
) {
    let stopping = process.tasks.stopping();
    let purge = Purge {
        config: config.retention.clone(),
        store: store.clone(),
        stopping: stopping.clone(),
    };
    process.tasks.spawn("purge", purge.run());
    let admission = Admission {
        config: config.clone(),
        store: store.clone(),
        queue,
        door,
    };
    process.tasks.spawn("admission", admission.run(stopping));
}

/// Sweeps and works until the process is to stop.
async fn work(sweep: Sweep, first_lists: [CancellationToken; 2], probe: Probe, process: Process) {
    let (stopping, reconciler) = (process.tasks.stopping(), sweep.reconciler.clone());
    let queue = reconciler.queue.clone();
    let all_listed = join_all(first_lists.iter().map(CancellationToken::cancelled));
    if stopping.run_until_cancelled(all_listed).await.is_none() {
        return queue.close();
    }
    // With nothing counted, whoever waits for room seems to wait in vain.
    sweep.weigh(Held::ASSUMED);
    let work = async {
        workers(reconciler.clone(), process).await;
        queue.close();
    };
    tokio::join!(
        work,
        sweep.run(stopping.clone()),
        probe.run(stopping.clone()),
        reconciler.creates.run(stopping.clone()),
        reconciler.clean_ups.run(stopping.clone()),
    );
}

/// New execs and cancels, as they are announced.
fn take_announcements(
    region: &str,
    bus: &Bus,
    open: watch::Receiver<bool>,
    (queue, door): (Queue, Door),
    process: &Process,
) {
    let cancels = HintRoute::Cancel {
        region: region.to_owned(),
    };
    let hints = bus.hints(vec![HintBinding::Route(cancels)]);
    process
        .tasks
        .spawn("cancel-hints", take_hints(hints, queue));
    bus.consume_execs(region, open, move |_| take_message(door.clone()));
}

fn check(config: &Config) -> Result<(), ConfigError> {
    if config.reconcile.concurrency == 0 {
        return Err(ConfigError::invalid(
            "reconcile.concurrency",
            "must be at least 1",
        ));
    }
    if config.reconcile.sweep_every.is_zero() {
        return Err(ConfigError::invalid(
            "reconcile.sweep_every",
            "must be longer than nothing",
        ));
    }
    let shares = config.admission.namespaces.values();
    if shares
        .chain([&config.admission.namespace])
        .any(|share| share.weight == 0)
    {
        return Err(ConfigError::invalid(
            "admission.namespace.weight",
            "must be at least 1, also of single namespaces",
        ));
    }
    if config.retention.every.is_zero() {
        return Err(ConfigError::invalid(
            "retention.every",
            "must be longer than nothing",
        ));
    }
    if config.limits.attempts == 0 {
        return Err(ConfigError::invalid(
            "limits.attempts",
            "must be at least 1",
        ));
    }
    Ok(())
}

fn keyring(config: &Config) -> Result<Keyring, ConfigError> {
    Keyring::new(&config.secrets).map_err(|why| ConfigError::invalid("secrets.keys", why))
}

/// Works on the queue's execs, a bounded number at once.
async fn workers(reconciler: Arc<Reconciler>, process: Process) {
    let stopping = process.tasks.stopping();
    let places = Arc::new(Semaphore::new(reconciler.config.reconcile.concurrency));
    let next = async || {
        let place = places.clone().acquire_owned().await;
        (place, reconciler.queue.next().await)
    };
    while let Some((place, job)) = stopping.run_until_cancelled(next()).await {
        let reconciler = reconciler.clone();
        process.tasks.spawn_finite(async move {
            if let Err(error) = reconciler.reconcile(job.exec).await {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(exec = %job.exec, error, "could not go on; will be tried again");
            }
            drop((job, place));
        });
    }
}

/// Has the execs of a message admitted, with all others that wait: the rows say who that is.
/// It is held until that is committed, so that another replica gets it if this one dies. What
/// follows is for the sweep of whoever watches them.
async fn take_message(door: Door) -> Delivery {
    match door.knock_and_wait().await {
        Ok(()) => Delivery::Ack,
        Err(_) => Delivery::Retry,
    }
}

async fn take_hints(mut hints: Hints, queue: Queue) {
    while let Some(hint) = hints.recv().await {
        if let Hint::CancelRequested { exec_id } = hint {
            queue.submit(exec_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_message_is_held_until_a_round_that_began_after_it_is_over() {
        let door = Door::default();
        let mut taken = Box::pin(take_message(door.clone()));
        assert_eq!(taken.as_mut().now_or_never(), None);
        let round = door.take_waiting();
        let mut later = Box::pin(take_message(door.clone()));
        assert_eq!(later.as_mut().now_or_never(), None);
        for waiting in round {
            waiting.send(()).unwrap();
        }
        assert_eq!(taken.await, Delivery::Ack);
        assert_eq!(later.as_mut().now_or_never(), None);
        // This round did not get through.
        drop(door.take_waiting());
        assert_eq!(later.await, Delivery::Retry);

        let mut last = Box::pin(take_message(door.clone()));
        assert_eq!(last.as_mut().now_or_never(), None);
        door.close();
        assert_eq!(last.await, Delivery::Retry);
        assert_eq!(take_message(door).await, Delivery::Retry);
    }
}
