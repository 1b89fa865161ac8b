//! Jobs: what clients do with them.

use bus::HintRoute;
use futures::FutureExt;
use serde_json::{Map, Value};
use shared_types::JobId;
use shared_types::message::Hint;
use store::PgConnection;
use store::access::Access;
use store::jobs::{self, Hold, Job, NewJob};
use store::secrets::{self, Keyring};

use crate::answer::Answer;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::job_draft::JobDraft;
use crate::origin::Origin;
use crate::view::JobView;
use crate::write::{Act, Announcement, Written};

/// Keeps a job and its schedule.
pub async fn create(
    gateway: &Gateway,
    caller: &Caller,
    origin: Origin,
    draft: JobDraft,
) -> Result<Answer, ApiError> {
    let namespace = draft.namespace().unwrap_or(caller.name()).to_owned();
    caller.may(Access::Write, &namespace)?;
    let (keyring, by) = (gateway.keyring.clone(), caller.name().to_owned());
    gateway
        .write(origin, move |conn| {
            async move {
                let new = seal(conn, &keyring, draft, (&namespace, &by)).await?;
                insert(conn, new).await
            }
            .boxed()
        })
        .await
}

/// The job of a draft, with its new secrets stored.
async fn seal(
    conn: &mut PgConnection,
    keyring: &Keyring,
    draft: JobDraft,
    (namespace, created_by): (&str, &str),
) -> Result<NewJob, ApiError> {
    let values = draft.new_secrets();
    let ids = match values.as_slice() {
        [] => Vec::new(),
        values => secrets::insert(conn, keyring, namespace, values).await?,
    };
    Ok(draft.into_job(namespace, created_by, ids))
}

async fn insert(conn: &mut PgConnection, new: NewJob) -> Result<Written, ApiError> {
    let job = jobs::insert(conn, new).await?;
    let answer = Answer::created(&JobView::from(&job))?;
    let changed = job
        .definition
        .schedule_active
        .then(|| schedule_changed(job.id));
    Ok(Written::new(answer, act(&job, "job.create")).announcing(changed))
}

/// Changes the fields given of a job. Its execs keep what they were made of.
pub async fn update(
    gateway: &Gateway,
    caller: &Caller,
    origin: Origin,
    (id, body): (JobId, Map<String, Value>),
) -> Result<Answer, ApiError> {
    get(gateway, caller, Access::Write, id).await?;
    let Gateway {
        catalog, keyring, ..
    } = gateway.clone();
    gateway
        .write(origin, move |conn| {
            async move {
                // Held, so that two updates of different fields both last.
                let old = jobs::get_held(conn, id, Hold::Exclusive).await?;
                let old = old.ok_or(ApiError::NotFound)?;
                let draft = JobDraft::change(&old, &body, &catalog)?;
                let NewJob {
                    namespace,
                    created_by,
                    ..
                } = &old.definition;
                let new = seal(conn, &keyring, draft, (namespace, created_by)).await?;
                replaced(&old.definition, &jobs::update(conn, id, new).await?)
            }
            .boxed()
        })
        .await
}

fn replaced(old: &NewJob, job: &Job) -> Result<Written, ApiError> {
    let new = &job.definition;
    let schedule = |job: &NewJob| (job.schedule_mode.clone(), job.schedule_active);
    let changed = (schedule(old) != schedule(new)).then(|| schedule_changed(job.id));
    let answer = Answer::ok(&JobView::from(job))?;
    Ok(Written::new(answer, act(job, "job.update")).announcing(changed))
}

/// Hides a job, stops its schedule and asks its open execs to end.
pub async fn delete(
    gateway: &Gateway,
    caller: &Caller,
    origin: Origin,
    id: JobId,
) -> Result<Answer, ApiError> {
    let job = get(gateway, caller, Access::Write, id).await?;
    let by = caller.name().to_owned();
    gateway
        .write(origin, move |conn| {
            async move {
                let cancelled = jobs::delete(conn, id, &by).await?;
                let cancelled = cancelled.ok_or(ApiError::NotFound)?.into_iter();
                let cancels = cancelled.map(|exec| Announcement::cancel(exec.region, exec.id));
                Ok(Written::new(Answer::no_content(), act(&job, "job.delete"))
                    .announcing([schedule_changed(id)])
                    .announcing(cancels))
            }
            .boxed()
        })
        .await
}

/// The line of the audit log for something done to a job.
fn act(job: &Job, action: &'static str) -> Act {
    Act::new(
        &job.definition.namespace,
        action,
        format!("jobs/{}", job.id),
    )
}

fn schedule_changed(job_id: JobId) -> Announcement {
    let hint = Hint::ScheduleChanged { job_id };
    Announcement::Hint(hint, HintRoute::ScheduleChanged)
}

/// A job that the caller may see, or do `need` to.
pub async fn get(
    gateway: &Gateway,
    caller: &Caller,
    need: Access,
    id: JobId,
) -> Result<Job, ApiError> {
    let mut conn = gateway.store.connection().await?;
    let job = jobs::get(&mut conn, id).await?.ok_or(ApiError::NotFound)?;
    caller.may(need, &job.definition.namespace)?;
    Ok(job)
}
