//! Jobs: what clients do with them.

pub mod change;
pub mod draft;
pub mod example;
pub mod fields;
pub mod http;
pub mod image;
pub mod list;
pub mod run;
pub mod variables;
pub mod view;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use shared_types::JobId;
use store::PgConnection;
use store::access::Access;
use store::execs;
use store::jobs::{self, Hold, Job, JobDefinition};
use store::secrets::{self, Keyring};

use self::draft::JobDraft;
use crate::context::Context;
use crate::jobs::view::JobView;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::schedules::calendars;
use crate::schedules::preview::DryRun;
use crate::write::{Act, Announcement, Written};

/// Execs whose durations say how long a job takes.
const DURATIONS: i64 = 20;

/// Keeps a job and its schedule.
pub async fn create(context: &Context, draft: JobDraft) -> Reply {
    let namespace = draft
        .namespace()
        .unwrap_or(context.caller.name())
        .to_owned();
    context.may(Access::Write, &namespace)?;
    let (keyring, by) = (
        context.gateway.keyring.clone(),
        context.caller.name().to_owned(),
    );
    context
        .write(move |conn| {
            Box::pin(async move {
                let new = complete(conn, &keyring, draft, (&namespace, &by)).await?;
                insert(conn, new).await
            })
        })
        .await
}

/// The job of a draft, with its new secrets stored and the dates of its calendars.
async fn complete(
    conn: &mut PgConnection,
    keyring: &Keyring,
    mut draft: JobDraft,
    (namespace, created_by): (&str, &str),
) -> Result<JobDefinition, ApiError> {
    let rules = draft.rules_mut();
    if !rules.calendars.is_empty() {
        store::calendars::hold(conn, namespace).await?;
        calendars::fill_in(conn, namespace, rules).await?;
    }
    let values = draft.new_secrets();
    let ids = match values.as_slice() {
        [] => Vec::new(),
        values => secrets::insert(conn, keyring, namespace, values).await?,
    };
    Ok(draft.into_job(namespace, created_by, ids))
}

async fn insert(conn: &mut PgConnection, new: JobDefinition) -> Result<Written, ApiError> {
    let job = jobs::insert(conn, new).await?;
    let answer = Answer::created(&JobView::new(&job, Utc::now()))?;
    let changed = job
        .definition
        .schedule_active
        .then(|| Announcement::schedule_changed(job.id));
    Ok(Written::new(answer, act(&job, "job.create")).announcing(changed))
}

/// Says what a new job would do, without making it.
pub async fn try_create(
    context: &Context,
    mut draft: JobDraft,
    now: DateTime<Utc>,
) -> Result<DryRun, ApiError> {
    let namespace = draft
        .namespace()
        .unwrap_or(context.caller.name())
        .to_owned();
    context.may(Access::Write, &namespace)?;
    let mut conn = context.connection().await?;
    calendars::fill_in(&mut conn, &namespace, draft.rules_mut()).await?;
    Ok(DryRun::new(&draft, now, now, Vec::new()))
}

/// Says what a changed job would do, without changing it.
pub async fn try_update(
    context: &Context,
    (id, body): (JobId, Map<String, Value>),
    now: DateTime<Utc>,
) -> Result<DryRun, ApiError> {
    let job = get(context, Access::Write, id).await?;
    let mut draft = JobDraft::change(&job, &body, &context.gateway.catalog)?;
    let mut conn = context.connection().await?;
    let namespace = &job.definition.namespace;
    calendars::fill_in(&mut conn, namespace, draft.rules_mut()).await?;
    let durations = execs::last_durations(&mut conn, id, DURATIONS).await?;
    let is_same_text = draft.schedule().mode == job.definition.schedule_mode;
    let anchor = if is_same_text {
        job.schedule_anchor
    } else {
        now
    };
    Ok(DryRun::new(&draft, anchor, now, durations))
}

/// Changes the fields given of a job. Its execs keep what they were made of.
pub async fn update(context: &Context, (id, body): (JobId, Map<String, Value>)) -> Reply {
    get(context, Access::Write, id).await?;
    let gateway = context.gateway.clone();
    context
        .write(move |conn| {
            Box::pin(async move {
                // Held, so that two updates of different fields both last.
                let old = jobs::get_held(conn, id, Hold::Exclusive).await?;
                let old = old.ok_or(ApiError::NotFound)?;
                let draft = JobDraft::change(&old, &body, &gateway.catalog)?;
                let JobDefinition {
                    namespace,
                    created_by,
                    ..
                } = &old.definition;
                let new = complete(conn, &gateway.keyring, draft, (namespace, created_by)).await?;
                replaced(&old.definition, &jobs::update(conn, id, new).await?)
            })
        })
        .await
}

fn replaced(old: &JobDefinition, job: &Job) -> Result<Written, ApiError> {
    let new = &job.definition;
    let is_same = old.schedule_mode == new.schedule_mode
        && old.schedule_rules == new.schedule_rules
        && old.schedule_active == new.schedule_active;
    let changed = (!is_same).then(|| Announcement::schedule_changed(job.id));
    let answer = Answer::ok(&JobView::new(job, Utc::now()))?;
    Ok(Written::new(answer, act(job, "job.update")).announcing(changed))
}

/// Hides a job, stops its schedule and asks its open execs to end.
pub async fn delete(context: &Context, id: JobId) -> Reply {
    let job = get(context, Access::Write, id).await?;
    let by = context.caller.name().to_owned();
    context
        .write(move |conn| {
            Box::pin(async move {
                let cancelled = jobs::delete(conn, id, &by).await?;
                let cancelled = cancelled.ok_or(ApiError::NotFound)?.into_iter();
                let cancels = cancelled.map(|exec| Announcement::cancel(exec.region, exec.id));
                Ok(Written::new(Answer::no_content(), act(&job, "job.delete"))
                    .announcing([Announcement::schedule_changed(id)])
                    .announcing(cancels))
            })
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

/// The namespace of a job that the caller may do `need` to, if it was not deleted. It costs
/// no query the second time: a job never changes its namespace.
pub async fn namespace(context: &Context, need: Access, id: JobId) -> Result<Arc<str>, ApiError> {
    let known = &context.gateway.namespaces;
    if let Some(namespace) = known.get(&id) {
        context.may(need, &namespace)?;
        return Ok(namespace);
    }
    let job = get(context, need, id).await?;
    let namespace = Arc::<str>::from(job.definition.namespace);
    known.insert(id, namespace.clone());
    Ok(namespace)
}

/// A job that the caller may see, or do `need` to.
pub async fn get(context: &Context, need: Access, id: JobId) -> Result<Job, ApiError> {
    let mut conn = context.connection().await?;
    let job = jobs::get(&mut conn, id).await?.ok_or(ApiError::NotFound)?;
    context.may(need, &job.definition.namespace)?;
    Ok(job)
}
