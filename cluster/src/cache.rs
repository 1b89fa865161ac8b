//! What a watch has shown, found by exec: a cluster holds thousands of objects
//! and every reconcile asks for the two or three of one exec.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use shared_types::ExecId;

use crate::identity::PodIdentity;

/// A kind of object that carries our labels.
pub trait Indexed: Resource<DynamicType = ()> + Clone + Send + Sync + 'static {
    /// Drops the large parts that no reader of a cache looks at: tenants decide
    /// how large they are, and a cache holds thousands of objects.
    fn slim(&mut self);
}

impl Indexed for Job {
    fn slim(&mut self) {
        self.spec = None;
    }
}

impl Indexed for Pod {
    fn slim(&mut self) {
        for container in self.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
            container.args = None;
            container.env = None;
        }
    }
}

type Index<K> = HashMap<ExecId, HashMap<String, Arc<K>>>;

/// The objects of a watch by exec. Clones show the same objects. May be stale:
/// who acts on it does so with uid preconditions.
#[derive(Debug)]
pub struct Cache<K> {
    index: Arc<RwLock<Index<K>>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            index: self.index.clone(),
        }
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            index: Arc::default(),
        }
    }
}

impl<K: Indexed> Cache<K> {
    /// The objects of one exec, of all its attempts.
    pub fn of(&self, exec: ExecId) -> Vec<Arc<K>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index
            .get(&exec)
            .map(|objects| objects.values().cloned().collect())
            .unwrap_or_default()
    }

    /// Every exec that has an object.
    pub fn execs(&self) -> Vec<ExecId> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.keys().copied().collect()
    }

    /// Counts the objects for which `holds`.
    pub fn count(&self, holds: impl Fn(&K) -> bool) -> usize {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index
            .values()
            .flat_map(HashMap::values)
            .filter(|object| holds(object))
            .count()
    }

    fn insert(&self, exec: ExecId, object: K) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        insert(&mut index, exec, object);
    }

    fn remove(&self, exec: ExecId, uid: &str) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = index.get_mut(&exec) {
            objects.remove(uid);
            if objects.is_empty() {
                index.remove(&exec);
            }
        }
    }

    /// Replaces everything and tells which execs look different now.
    fn replace(&self, listed: Index<K>) -> Vec<ExecId> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *index, listed);
        let execs: HashSet<ExecId> = old.keys().chain(index.keys()).copied().collect();
        execs
            .into_iter()
            .filter(|exec| versions(old.get(exec)) != versions(index.get(exec)))
            .collect()
    }
}

fn insert<K: Indexed>(index: &mut Index<K>, exec: ExecId, mut object: K) {
    object.meta_mut().managed_fields = None;
    object.slim();
    let uid = object.uid().unwrap_or_default();
    index.entry(exec).or_default().insert(uid, Arc::new(object));
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
    listed: Index<K>,
}

impl<K: Indexed> CacheWriter<K> {
    pub(crate) fn new(cache: Cache<K>) -> Self {
        Self {
            cache,
            listed: HashMap::new(),
        }
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
            Event::InitDone => self.cache.replace(std::mem::take(&mut self.listed)),
            Event::Apply(object) => self.one(object, Cache::insert),
            Event::Delete(object) => self.one(object, |cache, exec, object| {
                cache.remove(exec, &object.uid().unwrap_or_default());
            }),
        }
    }

    fn one(&self, object: K, change: impl FnOnce(&Cache<K>, ExecId, K)) -> Vec<ExecId> {
        let Some(identity) = PodIdentity::of_object(&object) else {
            return Vec::new();
        };
        change(&self.cache, identity.exec, object);
        vec![identity.exec]
    }
}

#[cfg(test)]
mod tests;
