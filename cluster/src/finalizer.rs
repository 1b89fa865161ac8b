//! Letting go of a pod: one finalizer removed, whatever the other owners of
//! finalizers do at the same time.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;
use thiserror::Error;

use crate::call::{CallError, persist};
use crate::patch::apply;

/// Each try follows a change by another owner, of which there are three.
const TRIES: usize = 5;
const LIMIT: Duration = Duration::from_secs(20);

/// What became of the finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// This call removed it.
    Removed,
    /// The pod, or the finalizer, was gone already.
    AlreadyGone,
}

/// Why the finalizer may still be there.
#[derive(Debug, Error)]
pub enum FinalizerError {
    /// The API server did not do it.
    #[error("the finalizer could not be removed")]
    Call(#[source] CallError),
    /// Others kept changing the list meanwhile.
    #[error("the pod's finalizers changed during every try")]
    Contended,
}

/// Removes `finalizer` from exactly this pod (by uid). `pod` may be stale: the
/// patch tests the uid and the finalizer's place, and is made again from a
/// fresh read if they differ.
pub async fn remove(api: &Api<Pod>, pod: &Pod, finalizer: &str) -> Result<Removal, FinalizerError> {
    let name = pod.name_any();
    let uid = pod.uid();
    let mut finalizers = pod.finalizers().to_vec();
    for _ in 0..TRIES {
        let Some(place) = finalizers.iter().position(|each| each == finalizer) else {
            return Ok(Removal::AlreadyGone);
        };
        match apply(api, &name, removal(uid.as_deref(), place, finalizer)).await {
            Ok(_) => return Ok(Removal::Removed),
            Err(error) if error.code() == Some(404) => return Ok(Removal::AlreadyGone),
            // 422 is how the API server says that a `test` did not hold.
            Err(error) if matches!(error.code(), Some(409 | 422)) => {}
            Err(error) => return Err(FinalizerError::Call(error)),
        }
        let fresh = persist(LIMIT, || api.get_opt(&name))
            .await
            .map_err(FinalizerError::Call)?;
        match fresh {
            Some(fresh) if fresh.uid() == uid => finalizers = fresh.finalizers().to_vec(),
            _ => return Ok(Removal::AlreadyGone),
        }
    }
    Err(FinalizerError::Contended)
}

fn removal(uid: Option<&str>, place: usize, finalizer: &str) -> serde_json::Value {
    let path = format!("/metadata/finalizers/{place}");
    json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "test", "path": path, "value": finalizer },
        { "op": "remove", "path": path },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_tests_what_it_removes() {
        let patch = removal(Some("u-1"), 2, "escapement.dev/logs");
        assert_eq!(
            patch,
            json!([
                { "op": "test", "path": "/metadata/uid", "value": "u-1" },
                { "op": "test", "path": "/metadata/finalizers/2", "value": "escapement.dev/logs" },
                { "op": "remove", "path": "/metadata/finalizers/2" },
            ])
        );
    }
}
