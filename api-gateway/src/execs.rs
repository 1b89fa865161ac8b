//! Execs: what clients do with them.

use shared_types::{ExecId, JobId};
use store::execs::{self, Exec, ManualTrigger};
use store::jobs::{self, Job};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::page::{Cut, PageRequest};

/// Has a job run now: one row, then the announcement, which may fail or be
/// lost without harm.
pub async fn trigger(gateway: &Gateway, caller: &Caller, job_id: JobId) -> Result<Exec, ApiError> {
    let trigger = ManualTrigger {
        id: ExecId::new(),
        job_id,
        namespace: caller.name().to_owned(),
        created_by: caller.name().to_owned(),
    };
    let Gateway {
        store, publisher, ..
    } = gateway.clone();
    let work = async move {
        let mut conn = store.connection().await?;
        let exec = execs::trigger(&mut conn, &trigger).await?;
        let exec = exec.ok_or(ApiError::NotFound)?;
        let _ = publisher.exec_requested(&exec.region, exec.id);
        Ok(exec)
    };
    gateway.to_completion(work).await
}

/// An exec of a job of the caller's, with the job.
pub async fn get(
    gateway: &Gateway,
    caller: &Caller,
    (job, exec): (JobId, ExecId),
) -> Result<(Job, Exec), ApiError> {
    let mut conn = gateway.store.connection().await?;
    let found = jobs::get(&mut conn, caller.name(), job).await?;
    let job = found.ok_or(ApiError::NotFound)?;
    let found = execs::get(&mut conn, job.id, exec).await?;
    Ok((job, found.ok_or(ApiError::NotFound)?))
}

/// A page of a job's execs and how many there are.
pub async fn list(
    gateway: &Gateway,
    caller: &Caller,
    job: JobId,
    page: PageRequest<ExecId>,
) -> Result<(i64, Cut<Exec>), ApiError> {
    let mut conn = gateway.store.connection().await?;
    if !jobs::exists(&mut conn, caller.name(), job).await? {
        return Err(ApiError::NotFound);
    }
    let count = execs::count(&mut conn, job).await?;
    let rows = execs::list(&mut conn, job, page.query()).await?;
    Ok((count, page.cut(rows, |exec| exec.id)))
}
