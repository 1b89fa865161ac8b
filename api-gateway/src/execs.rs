//! Execs: what clients do with them.

pub mod attempts;
pub mod example;
pub mod http;
pub mod list;
pub mod outcome;
pub mod overrides;
pub mod phase;
pub mod timeline;
pub mod together;
pub mod view;
pub mod waiting;

use std::time::Duration;

use shared_types::{ExecId, JobId};
use store::PgConnection;
use store::access::Access;
use store::execs::{self, Exec, ManualExec, ManualTrigger, PlainTrigger, Wait};
use store::jobs::{Hold, Job};

use self::overrides::Overrides;
use crate::context::Context;
use crate::execs::view::ExecView;
use crate::jobs;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::write::{Act, Announcement, Written};

/// Has a job run now: one row, then the announcement, which may fail or be
/// lost without harm.
pub async fn trigger(context: &Context, job: JobId, overrides: Option<Overrides>) -> Reply {
    if overrides.is_none()
        && context.source.once.is_none()
        && let Some(exec) = trigger_plainly(context, job).await?
    {
        return Answer::created(&ExecView::from(&exec));
    }
    let job = jobs::get(context, Access::Trigger, job).await?;
    let trigger = manual(context, job.id);
    let may_write = context.may(Access::Write, &job.definition.namespace);
    context
        .write(move |conn| {
            Box::pin(async move {
                let exec = match overrides {
                    None => execs::trigger(conn, &trigger).await?,
                    Some(overrides) => {
                        Some(insert_overridden(conn, trigger, overrides, may_write).await?)
                    }
                };
                created(&job, &exec.ok_or(ApiError::NotFound)?, "exec.trigger")
            })
        })
        .await
}

/// As the job is, and without an idempotency key. `None` where the general way has to tell
/// what is with the job.
async fn trigger_plainly(context: &Context, job: JobId) -> Result<Option<Exec>, ApiError> {
    let namespace = jobs::namespace(context, Access::Trigger, job).await?;
    let (gateway, caller, source) = (&context.gateway, &context.caller, &context.source);
    gateway.tokens.recheck(caller).await?;
    let trigger = PlainTrigger {
        trigger: manual(context, job),
        namespace: namespace.to_string(),
        token_id: Some(caller.token_id()),
        address: source.address.clone(),
        request_id: source.request_id.clone(),
    };
    gateway.together.trigger(caller.account_id(), trigger).await
}

async fn insert_overridden(
    conn: &mut PgConnection,
    trigger: ManualTrigger,
    overrides: Overrides,
    may_write: Result<(), ApiError>,
) -> Result<Exec, ApiError> {
    let job = store::jobs::get_held(conn, trigger.job_id, Hold::Shared).await?;
    let job = job.ok_or(ApiError::NotFound)?.definition;
    if let (Err(refusal), Some(field)) = (may_write, overrides.beyond(&job.spec)) {
        return Err(match refusal {
            ApiError::Forbidden(why) => ApiError::Forbidden(format!(
                "{field} is more than the right to trigger may replace, which is what the job \
                 declares in runtime_vars; {why}"
            )),
            refusal => refusal,
        });
    }
    let recorded = serde_json::to_value(&overrides);
    let new = ManualExec {
        trigger,
        namespace: job.namespace,
        region: job.region,
        spec: overrides.apply(job.spec).map_err(ApiError::Invalid)?,
        overrides: Some(recorded.map_err(|error| ApiError::Internal(error.into()))?),
        rerun_of: None,
    };
    Ok(execs::insert_manual(conn, &new).await?)
}

/// Runs again what an exec ran, whatever has become of its job's fields.
pub async fn rerun(context: &Context, (job, exec): (JobId, ExecId)) -> Reply {
    let job = jobs::get(context, Access::Trigger, job).await?;
    let trigger = manual(context, job.id);
    context
        .write(move |conn| {
            Box::pin(async move {
                let held = store::jobs::get_held(conn, job.id, Hold::Shared).await?;
                held.ok_or(ApiError::NotFound)?;
                let model = execs::get(conn, job.id, exec).await?;
                let model = model.ok_or(ApiError::NotFound)?;
                let new = ManualExec {
                    trigger,
                    namespace: job.definition.namespace.clone(),
                    region: model.region,
                    spec: model.spec,
                    overrides: model.overrides,
                    rerun_of: Some(model.id),
                };
                created(&job, &execs::insert_manual(conn, &new).await?, "exec.rerun")
            })
        })
        .await
}

fn manual(context: &Context, job_id: JobId) -> ManualTrigger {
    ManualTrigger {
        id: ExecId::new(),
        job_id,
        created_by: context.caller.name().to_owned(),
        traceparent: context.trace,
    }
}

fn created(job: &Job, exec: &Exec, action: &'static str) -> Result<Written, ApiError> {
    let answer = Answer::created(&ExecView::from(exec))?;
    let announcement = Announcement::Exec(exec.region.clone(), exec.id);
    Ok(Written::new(answer, act(job, exec, action)).announcing([announcement]))
}

/// The line of the audit log for something done to an exec.
fn act(job: &Job, exec: &Exec, action: &'static str) -> Act {
    Act::new(
        &job.definition.namespace,
        action,
        format!("jobs/{}/execs/{}", exec.job_id, exec.id),
    )
}

/// Asks for the end of an exec; the executor brings it about.
pub async fn cancel(context: &Context, (job, exec): (JobId, ExecId)) -> Reply {
    let job = jobs::get(context, Access::Trigger, job).await?;
    let by = context.caller.name().to_owned();
    context
        .write(move |conn| {
            Box::pin(async move {
                let exec = execs::request_cancel(conn, job.id, exec, &by).await?;
                let exec = exec.ok_or(ApiError::NotFound)?;
                if exec.state.is_terminal() {
                    return Err(has_ended(&exec));
                }
                let answer = Answer::accepted(&ExecView::from(&exec))?;
                let hint = Announcement::cancel(exec.region.clone(), exec.id);
                Ok(Written::new(answer, act(&job, &exec, "exec.cancel")).announcing([hint]))
            })
        })
        .await
}

fn has_ended(exec: &Exec) -> ApiError {
    ApiError::Conflict {
        kind: "exec-ended",
        title: "Exec has ended",
        detail: format!(
            "the exec has ended as {} and cannot be cancelled; trigger or rerun it to run again",
            exec.state
        ),
    }
}

/// Hides an exec, and asks for its end if it has not ended.
pub async fn delete(context: &Context, (job, exec): (JobId, ExecId)) -> Reply {
    let job = jobs::get(context, Access::Write, job).await?;
    let by = context.caller.name().to_owned();
    context
        .write(move |conn| {
            Box::pin(async move {
                let exec = execs::delete(conn, job.id, exec, &by).await?;
                let exec = exec.ok_or(ApiError::NotFound)?;
                let open = !exec.state.is_terminal();
                let hint = open.then(|| Announcement::cancel(exec.region.clone(), exec.id));
                let act = act(&job, &exec, "exec.delete");
                Ok(Written::new(Answer::no_content(), act).announcing(hint))
            })
        })
        .await
}

/// As [`get`], but not before the exec has ended, the time is up or the client has
/// `gone`, with the exec as it is then.
pub async fn wait(
    context: &Context,
    ids: (JobId, ExecId),
    (time, gone): (Duration, impl Future<Output = ()>),
) -> Result<(Job, Exec), ApiError> {
    let found = get(context, Access::Read, ids).await?;
    if found.1.state.is_terminal() {
        return Ok(found);
    }
    let waiter = context
        .gateway
        .waiting
        .join(context.caller.account_id(), found.1.id);
    let mut waiter = waiter.map_err(|limit| limit.refuse(waiting::INTERVAL))?;
    let stopping = context.gateway.tasks.stopping();
    tokio::select! {
        () = waiter.ended() => {}
        () = gone => {}
        () = tokio::time::sleep(time) => {}
        () = stopping.cancelled() => {}
    }
    context.gateway.tokens.recheck(&context.caller).await?;
    get(context, Access::Read, ids).await
}

/// What an exec waits for, if it does.
pub async fn waits_for(context: &Context, exec: &Exec) -> Result<Option<Wait>, ApiError> {
    if exec.state.is_terminal() {
        return Ok(None);
    }
    let mut conn = context.connection().await?;
    Ok(execs::waiting(&mut conn, exec).await?)
}

/// An exec that the caller may see, or do `need` to, with its job.
pub async fn get(
    context: &Context,
    need: Access,
    (job, exec): (JobId, ExecId),
) -> Result<(Job, Exec), ApiError> {
    // Both may be large.
    let found = context.aside(move |context| async move {
        let job = jobs::get(&context, need, job).await?;
        let mut conn = context.connection().await?;
        let found = execs::get(&mut conn, job.id, exec).await?;
        Ok((job, found.ok_or(ApiError::NotFound)?))
    });
    found.await
}
