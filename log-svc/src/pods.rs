//! From the pods that the watch shows to one tail each.

use std::collections::HashMap;
use std::sync::Arc;

use cluster::{Cache, PodIdentity};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use shared_types::{ExecId, Shards};
use store::logs::{StreamKey, UnreadStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};

use crate::sighting::{Sighting, is_held};
use crate::tail::{Tail, TailContext};

/// What the pods' task is told.
#[derive(Debug)]
pub enum Told {
    /// An exec's pods look different.
    Changed(ExecId),
    /// These shards are this replica's and will be listed.
    Assigned {
        /// All that it has now.
        shards: Shards,
        /// Streams of those that are new to it, which somebody has to seal.
        left_open: Vec<UnreadStream>,
    },
    /// A list is complete.
    Listed,
}

/// A tail failed in a way that no retry of its own can mend.
#[derive(Debug, thiserror::Error)]
#[error("a tail ended unasked")]
pub struct TailPanic(#[source] JoinError);

/// A task, and of which pod it was the tail.
type Ended = (task::Id, (ExecId, String));

/// A tail at work. It ends when it is dropped.
struct Running {
    task: task::Id,
    show: watch::Sender<Option<Arc<Pod>>>,
}

/// The pods of this replica's shards and their tails.
pub struct Pods {
    context: Arc<TailContext>,
    cache: Cache<Pod>,
    /// By exec and pod uid.
    running: HashMap<ExecId, HashMap<String, Running>>,
    tails: JoinSet<(ExecId, String)>,
    /// Streams that were open before the first list of their shard: a pod that this list
    /// does not show is gone. (Of a stream opened later that proves nothing; another
    /// replica may see its pod before this one does.)
    left_open: Vec<UnreadStream>,
}

impl Pods {
    /// Knows of no pod yet.
    pub fn new(context: Arc<TailContext>, cache: Cache<Pod>) -> Self {
        Self {
            context,
            cache,
            running: HashMap::new(),
            tails: JoinSet::new(),
            left_open: Vec::new(),
        }
    }

    /// Works until every sender of `told` is gone, then waits for the tails.
    pub async fn run(mut self, mut told: mpsc::UnboundedReceiver<Told>) -> Result<(), TailPanic> {
        loop {
            tokio::select! {
                next = told.recv() => match next {
                    Some(told) => self.step(told),
                    None => break,
                },
                Some(ended) = self.tails.join_next_with_id() => self.ended(ended)?,
            }
        }
        while let Some(ended) = self.tails.join_next_with_id().await {
            self.ended(ended)?;
        }
        Ok(())
    }

    fn step(&mut self, told: Told) {
        match told {
            Told::Changed(exec) => self.look_at(exec),
            Told::Assigned { shards, left_open } => {
                self.left_open.extend(left_open);
                self.left_open
                    .retain(|stream| shards.contains(stream.key.exec.shard()));
            }
            Told::Listed => self.seal_what_is_gone(),
        }
    }

    /// Shows the exec's pods to their tails and starts those that are missing.
    fn look_at(&mut self, exec: ExecId) {
        let Some(pods) = self.cache.of(exec) else {
            // Another replica goes on.
            self.running.remove(&exec);
            return;
        };
        for (uid, tail) in self.running.get(&exec).into_iter().flatten() {
            let pod = pods.iter().find(|pod| pod.uid().as_deref() == Some(uid));
            tail.show.send_replace(pod.cloned());
        }
        for pod in pods {
            let started = is_held(&pod) && Sighting::of(Some(&pod)) != Sighting::NotStarted;
            if let Some((identity, uid)) = PodIdentity::of(&pod).zip(pod.uid())
                && started
            {
                let attempt = identity.attempt;
                self.start(StreamKey { exec, attempt }, uid, Some(pod));
            }
        }
    }

    fn seal_what_is_gone(&mut self) {
        for stream in std::mem::take(&mut self.left_open) {
            let Some(pods) = self.cache.of(stream.key.exec) else {
                self.left_open.push(stream);
                continue;
            };
            let gone = !pods
                .iter()
                .any(|pod| pod.uid().as_ref() == Some(&stream.pod_uid) && is_held(pod));
            if gone {
                self.start(stream.key, stream.pod_uid, None);
            }
        }
    }

    fn start(&mut self, key: StreamKey, uid: String, pod: Option<Arc<Pod>>) {
        let running = self.running.entry(key.exec).or_default();
        if running.contains_key(&uid) {
            return;
        }
        let (show, shown) = watch::channel(pod);
        let tail = Tail::new(self.context.clone(), key, uid.clone(), shown);
        metrics::gauge!("escapement_log_streams_open").increment(1);
        let name = uid.clone();
        let task = self.tails.spawn(async move {
            tail.run().await;
            (key.exec, name)
        });
        let task = task.id();
        running.insert(uid, Running { task, show });
    }

    /// Forgets a tail that is done. Its pod is not looked at again before it
    /// changes, as it will: the tail let it go.
    fn ended(&mut self, ended: Result<Ended, JoinError>) -> Result<(), TailPanic> {
        let (task, (exec, uid)) = ended.map_err(TailPanic)?;
        if let Some(running) = self.running.get_mut(&exec) {
            // One that was given up may end after its successor began.
            if running.get(&uid).is_some_and(|tail| tail.task == task) {
                running.remove(&uid);
            }
            if running.is_empty() {
                self.running.remove(&exec);
            }
        }
        metrics::gauge!("escapement_log_streams_open").decrement(1);
        Ok(())
    }
}
