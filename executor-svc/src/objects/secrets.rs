//! The Secret of an attempt.

use cluster::{CallError, create, persist};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, ResourceExt};

use super::{Created, LIMIT, Objects, same_attempt, settled};

impl Objects {
    /// Creates the Secret, or finds that it was created before for the same Job.
    /// One that belongs to an earlier Job of that name would soon go with it, so
    /// it is replaced.
    pub(crate) async fn create_secret(&self, secret: &Secret) -> Result<Created, CallError> {
        let namespace = secret.namespace().unwrap_or_default();
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
        let name = secret.name_any();
        let refused = match create(&api, secret).await {
            Err(error) if error.code() == Some(409) => error,
            created => {
                return created.map(|created| Created::There(created.uid().unwrap_or_default()));
            }
        };
        let Some(found) = persist(LIMIT, || api.get_opt(&name)).await? else {
            return Err(refused);
        };
        let uid = found.uid();
        match compare(&found, secret) {
            Found::Same => return Ok(Created::There(uid.unwrap_or_default())),
            Found::Foreign => return Ok(Created::Foreign),
            Found::Outdated => {}
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        settled(persist(LIMIT, || api.delete(&name, &params)).await)?;
        let created = create(&api, secret).await?;
        Ok(Created::There(created.uid().unwrap_or_default()))
    }
}

/// What has the name that a Secret is to have.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The Secret itself, made before.
    Same,
    /// The one of an earlier Job of that attempt.
    Outdated,
    /// Somebody else's.
    Foreign,
}

fn compare(found: &Secret, ours: &Secret) -> Found {
    if !same_attempt(found, ours) {
        Found::Foreign
    } else if found.owner_references() == ours.owner_references() {
        Found::Same
    } else {
        Found::Outdated
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(exec: &str, owner: &str) -> Secret {
        serde_json::from_value(json!({ "metadata": {
            "labels": {
                "escapement.dev/exec": exec,
                "escapement.dev/attempt": "1",
                "escapement.dev/job": "146",
                "escapement.dev/namespace": "demo",
                "app.kubernetes.io/instance": "escapement",
            },
            "ownerReferences": [
                { "apiVersion": "batch/v1", "kind": "Job", "name": "x", "uid": owner },
            ],
        }}))
        .unwrap()
    }

    #[test]
    fn only_the_secret_of_this_very_job_is_taken_over() {
        const EXEC: &str = "0191e1a0-1234-7000-8000-0000000000ff";
        const OTHER: &str = "0191e1a0-1234-7000-8000-0000000000fe";
        let ours = secret(EXEC, "job");
        assert_eq!(compare(&secret(EXEC, "job"), &ours), Found::Same);
        // Kubernetes removes it as soon as it sees that its Job is gone.
        assert_eq!(compare(&secret(EXEC, "gone"), &ours), Found::Outdated);
        assert_eq!(compare(&secret(OTHER, "job"), &ours), Found::Foreign);
        assert_eq!(compare(&Secret::default(), &ours), Found::Foreign);
    }
}
