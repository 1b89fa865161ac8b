//! `/v1/jobs`.

use actix_web::web::Path;
use chrono::Utc;
use shared_types::JobId;
use store::access::Access;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::OneOfBuilder;

use crate::context::Context;
use crate::jobs;
use crate::jobs::change::JobChange;
use crate::jobs::draft::JobDraft;
use crate::jobs::list::JobList;
use crate::jobs::view::JobView;
use crate::openapi::parameters::JobPath;
use crate::openapi::types::document;
use crate::read::params::{Params, flag, parameters};
use crate::read::query::Query;
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::reply::links::Links;
use crate::request::context::Sent;
use crate::schedules::preview::DryRun;

type JobPage = Envelope<JobView<'static>>;

/// The answer to an update.
#[derive(Debug)]
pub struct ChangedJob;

document!(
    ChangedJob,
    "ChangedJob",
    OneOfBuilder::new()
        .item(Ref::from_schema_name(JobView::name()))
        .item(Ref::from_schema_name(DryRun::name()))
);

/// Make a job
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    request_body = JobDraft,
    params(DryRunQuery),
    responses(
        (status = 200, description = "With `dry_run`: what it would do", body = DryRun),
        (status = 201, description = "The job", body = JobView)
    )
)]
pub async fn create(Sent { context, body }: Sent, query: Query) -> Reply {
    let draft = JobDraft::parse(&body, &context.gateway.catalog)?;
    if Params::read(&query, is_dry_run)? {
        let would = jobs::try_create(&context, draft, Utc::now()).await?;
        return Answer::ok(&would);
    }
    jobs::create(&context, draft).await
}

/// List the jobs of a namespace
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    operation_id = "list",
    params(JobList),
    responses((status = 200, description = "A page", body = JobPage))
)]
pub async fn list(context: Context, links: Links, query: Query) -> Reply {
    let list = JobList::parse(&query, context.caller.name())?;
    let answer = context.aside(move |context| async move {
        let (count, page) = list.load(&context).await?;
        let now = Utc::now();
        let results = page.rows.iter().map(|job| JobView::new(job, now)).collect();
        Answer::ok(&links.envelope((count, &page), results))
    });
    answer.await
}

/// Read a job
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job", body = JobView))
)]
pub async fn get(context: Context, job: Path<JobId>) -> Reply {
    let answer = context.aside(move |context| async move {
        let job = jobs::get(&context, Access::Read, *job).await?;
        Answer::ok(&JobView::new(&job, Utc::now()))
    });
    answer.await
}

/// Change some fields of a job
#[utoipa::path(
    method(put, patch),
    path = "/v1/jobs/{job}",
    tag = "jobs",
    params(JobPath, DryRunQuery),
    request_body = JobChange,
    responses((
        status = 200,
        description = "The job as it is now, or with `dry_run` what it would do",
        body = ChangedJob
    ))
)]
pub async fn update(Sent { context, body }: Sent, job: Path<JobId>, query: Query) -> Reply {
    let change = (*job, body.into_object());
    if Params::read(&query, is_dry_run)? {
        let would = jobs::try_update(&context, change, Utc::now()).await?;
        return Answer::ok(&would);
    }
    jobs::update(&context, change).await
}

/// Delete a job and its execs
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    params(JobPath),
    responses((status = 204, description = "Deleted; what runs is asked to end"))
)]
pub async fn delete(context: Context, job: Path<JobId>) -> Reply {
    jobs::delete(&context, *job).await
}

/// Whether a request only asks what would come of it.
fn is_dry_run(params: &mut Params<'_>) -> bool {
    let flag = flag("Write nothing; answer what would come of it");
    params.optional("dry_run", flag).unwrap_or(false)
}

/// The parameters of what may be tried.
#[derive(Debug)]
pub struct DryRunQuery;

parameters!(DryRunQuery, is_dry_run);
