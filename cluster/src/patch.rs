//! JSON patches (RFC 6902): the one way to change part of an object under the
//! condition that another part is as it was seen.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::Value;

use crate::call::{CallError, persist};

const LIMIT: Duration = Duration::from_secs(20);

/// Applies all operations or none, and says what the pod is then. A `test` that does not
/// hold is answered with 422.
pub async fn apply(api: &Api<Pod>, name: &str, operations: Value) -> Result<Pod, CallError> {
    let operations = serde_json::from_value(operations)
        .map_err(|error| CallError::Failed(Box::new(kube::Error::SerdeError(error))))?;
    // No field of ours is unknown, so the API server need not search for such.
    let params = PatchParams::default().validation_ignore();
    let patch = Patch::Json::<()>(operations);
    persist(LIMIT, || api.patch(name, &params, &patch)).await
}
