//! Jobs: what clients do with them.

use bus::HintRoute;
use shared_types::JobId;
use shared_types::message::Hint;
use store::jobs::{self, Job};
use store::{AsyncConnection, StoreError};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::job_draft::JobDraft;
use crate::page::{Cut, PageRequest};

/// Keeps a job and its schedule.
pub async fn create(gateway: &Gateway, caller: &Caller, draft: JobDraft) -> Result<Job, ApiError> {
    let namespace = caller.namespace(draft.namespace())?.to_owned();
    let new = draft.into_job(&namespace, caller.name());
    let Gateway {
        store, publisher, ..
    } = gateway.clone();
    let work = async move {
        let mut conn = store.connection().await?;
        let job = conn
            .transaction::<Job, StoreError, _>(async |conn| jobs::insert(conn, new).await)
            .await?;
        if job.definition.schedule_active {
            // A hint: the scheduler finds the schedule without it, later.
            let hint = Hint::ScheduleChanged { job_id: job.id };
            let _ = publisher.hint(&hint, &HintRoute::ScheduleChanged);
        }
        Ok(job)
    };
    gateway.to_completion(work).await
}

/// A job of the caller's.
pub async fn get(gateway: &Gateway, caller: &Caller, id: JobId) -> Result<Job, ApiError> {
    let mut conn = gateway.store.connection().await?;
    let job = jobs::get(&mut conn, caller.name(), id).await?;
    job.ok_or(ApiError::NotFound)
}

/// A page of a namespace's jobs and how many there are.
pub async fn list(
    gateway: &Gateway,
    namespace: &str,
    page: PageRequest<JobId>,
) -> Result<(i64, Cut<Job>), ApiError> {
    let mut conn = gateway.store.connection().await?;
    let count = jobs::count(&mut conn, namespace).await?;
    let rows = jobs::list(&mut conn, namespace, page.query()).await?;
    Ok((count, page.cut(rows, |job| job.id)))
}
