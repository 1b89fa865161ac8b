//! What a watch has shown, found by exec: a cluster holds thousands of objects
//! and every reconcile asks for the two or three of one exec. Of an exec whose shard
//! is not watched nothing is known, which is not the same as that there is nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use shared_types::{ExecId, Shards};

use crate::identity::PodIdentity;

/// A kind of object that carries our labels.
pub trait Indexed: Resource<DynamicType = ()> + Clone + PartialEq + Send + Sync + 'static {
    /// Drops what no reader of a cache looks at: tenants decide how large it is, a cache
    /// holds thousands of objects, and a change of it is no reason to look at an exec.
    fn slim(&mut self);

    /// Whether its appearance is a reason to look at its exec: not if whoever made it knows.
    fn is_news(&self) -> bool;
}

impl Indexed for Job {
    fn slim(&mut self) {
        self.spec = None;
        if let Some(status) = &mut self.status {
            *status = JobStatus {
                conditions: status.conditions.take(),
                ..JobStatus::default()
            };
        }
    }

    fn is_news(&self) -> bool {
        self.status
            .as_ref()
            .is_some_and(|status| status.conditions.is_some())
            || self.metadata.deletion_timestamp.is_some()
    }
}

impl Indexed for Pod {
    fn slim(&mut self) {
        for container in self.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
            container.args = None;
            container.env = None;
        }
    }

    fn is_news(&self) -> bool {
        true
    }
}

type Index<K> = HashMap<ExecId, HashMap<String, Arc<K>>>;

#[derive(Debug)]
struct State<K> {
    /// The shards of which everything is known that there is.
    shards: Shards,
    index: Index<K>,
}

/// The objects of a watch by exec. Clones show the same objects. May be stale:
/// who acts on it does so with uid preconditions.
#[derive(Debug)]
pub struct Cache<K> {
    state: Arc<RwLock<State<K>>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            state: Arc::new(RwLock::new(State {
                shards: Shards::default(),
                index: HashMap::new(),
            })),
        }
    }
}

impl<K: Indexed> Cache<K> {
    /// The objects of one exec, of all its attempts; none if its shard is not watched or
    /// not listed yet.
    pub fn of(&self, exec: ExecId) -> Option<Vec<Arc<K>>> {
        let state = self.read();
        let objects = || state.index.get(&exec).into_iter().flat_map(HashMap::values);
        state
            .shards
            .contains(exec.shard())
            .then(|| objects().cloned().collect())
    }

    /// The shards of which everything is known that there is.
    pub fn shards(&self) -> Shards {
        self.read().shards
    }

    /// Every exec that has an object.
    pub fn execs(&self) -> Vec<ExecId> {
        self.read().index.keys().copied().collect()
    }

    /// Counts the objects for which `holds`.
    pub fn count(&self, holds: impl Fn(&K) -> bool) -> usize {
        let state = self.read();
        let objects = state.index.values().flat_map(HashMap::values);
        objects.filter(|object| holds(object)).count()
    }

    /// Takes what a change of ours has made of `seen`: the watch may show it much later, and
    /// until then a sweep would have the change made again. Where the watch has shown
    /// something else meanwhile, that stays.
    pub fn changed(&self, seen: &K, now: K) {
        let Some(identity) = PodIdentity::of_object(&now) else {
            return;
        };
        let mut state = self.write();
        let objects = state.index.get(&identity.exec);
        let known = objects.and_then(|objects| objects.get(&seen.uid()?));
        if known.is_some_and(|known| known.resource_version() == seen.resource_version()) {
            insert(&mut state.index, identity.exec, now);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps an object; false if that tells nobody anything: nothing about it differs but its
/// version, or it is there as it was to be.
fn insert<K: Indexed>(index: &mut Index<K>, exec: ExecId, mut object: K) -> bool {
    object.meta_mut().managed_fields = None;
    object.slim();
    let objects = index.entry(exec).or_default();
    let uid = object.uid().unwrap_or_default();
    let version = object.resource_version();
    let is_news = match objects.get(&uid) {
        Some(known) => {
            object.meta_mut().resource_version = known.resource_version();
            **known != object
        }
        None => object.is_news(),
    };
    object.meta_mut().resource_version = version;
    objects.insert(uid, Arc::new(object));
    is_news
}

fn remove<K: Indexed>(index: &mut Index<K>, exec: ExecId, uid: &str) -> bool {
    let Some(objects) = index.get_mut(&exec) else {
        return false;
    };
    let was_there = objects.remove(uid).is_some();
    if objects.is_empty() {
        index.remove(&exec);
    }
    was_there
}

fn versions<K: Indexed>(
    objects: Option<&HashMap<String, Arc<K>>>,
) -> HashMap<&str, Option<String>> {
    let objects = objects.into_iter().flatten();
    objects
        .map(|(uid, object)| (uid.as_str(), object.resource_version()))
        .collect()
}

/// The writing end: takes a watch's events in order.
#[derive(Debug)]
pub(crate) struct CacheWriter<K> {
    cache: Cache<K>,
    /// The shards that are listed and watched.
    shards: Shards,
    listed: Index<K>,
}

impl<K: Indexed> CacheWriter<K> {
    pub(crate) fn new(cache: Cache<K>) -> Self {
        Self {
            cache,
            shards: Shards::default(),
            listed: HashMap::new(),
        }
    }

    /// Only these shards are watched from now on. Forgets the others at once and tells
    /// which execs that are; those that are new are known with the next list.
    pub(crate) fn watch(&mut self, shards: Shards) -> Vec<ExecId> {
        self.shards = shards;
        let mut state = self.cache.write();
        let given_up = state.shards.without(shards);
        state.shards = state.shards.without(given_up);
        let forgotten = state
            .index
            .extract_if(|exec, _| given_up.contains(exec.shard()));
        forgotten.map(|(exec, _)| exec).collect()
    }

    /// Takes one event and tells which execs look different now.
    pub(crate) fn apply(&mut self, event: Event<K>) -> Vec<ExecId> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                if let Some(identity) = PodIdentity::of_object(&object) {
                    insert(&mut self.listed, identity.exec, object);
                }
                Vec::new()
            }
            Event::InitDone => self.replace(),
            Event::Apply(object) => self.one(object, insert),
            Event::Delete(object) => self.one(object, |index, exec, object| {
                remove(index, exec, &object.uid().unwrap_or_default())
            }),
        }
    }

    /// Replaces everything by what was listed.
    fn replace(&mut self) -> Vec<ExecId> {
        let listed = std::mem::take(&mut self.listed);
        let mut state = self.cache.write();
        state.shards = self.shards;
        let old = std::mem::replace(&mut state.index, listed);
        let execs: HashSet<ExecId> = old.keys().chain(state.index.keys()).copied().collect();
        execs
            .into_iter()
            .filter(|exec| versions(old.get(exec)) != versions(state.index.get(exec)))
            .collect()
    }

    fn one(&self, object: K, change: impl FnOnce(&mut Index<K>, ExecId, K) -> bool) -> Vec<ExecId> {
        let Some(identity) = PodIdentity::of_object(&object) else {
            return Vec::new();
        };
        let is_different = change(&mut self.cache.write().index, identity.exec, object);
        if !is_different {
            let kind = K::kind(&()).into_owned();
            metrics::counter!("escapement_watch_events_skipped_total", "kind" => kind).increment(1);
        }
        is_different.then_some(identity.exec).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
