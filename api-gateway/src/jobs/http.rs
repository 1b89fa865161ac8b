//! `/v1/jobs`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use shared_types::JobId;
use store::access::Access;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::OneOfBuilder;

use crate::gateway::Gateway;
use crate::jobs;
use crate::jobs::change::JobChange;
use crate::jobs::draft::JobDraft;
use crate::jobs::list::JobList;
use crate::jobs::view::JobView;
use crate::openapi::parameters::{DryRunQuery, JobListQuery, JobPath, PageQuery};
use crate::openapi::types::document;
use crate::read::params;
use crate::reply::answer::Answer;
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::LinkBase;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::request::query::Query;
use crate::schedules::preview::DryRun;
use crate::tokens::caller::Caller;

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

/// `POST /v1/jobs`
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    summary = "Make a job",
    request_body = JobDraft,
    params(DryRunQuery),
    responses(
        (status = 200, description = "With `dry_run`: what it would do", body = DryRun),
        (status = 201, description = "The job", body = JobView)
    )
)]
pub async fn create(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, body.bytes())?;
    let draft = JobDraft::parse(&body, &gateway.catalog).map_err(ApiError::Invalid)?;
    if is_dry_run(&request)? {
        let would = jobs::try_create(&gateway, &caller, draft, Utc::now()).await?;
        return Ok(HttpResponse::Ok().json(would));
    }
    let answer = jobs::create(&gateway, &caller, origin, draft).await?;
    Ok(answer.into())
}

/// `GET /v1/jobs?namespace=&name=&region_name=&is_schedule_active=&created_after=
/// &created_before=&sort=&page=&page_size=&cursor=`
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    operation_id = "list",
    summary = "List the jobs of a namespace",
    params(JobListQuery, PageQuery),
    responses((status = 200, description = "A page", body = JobPage))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let list = JobList::parse(|name| query.get(name), caller.name());
    let list = list.map_err(ApiError::Invalid)?;
    let links = links.links(&request);
    let answer = gateway.aside(caller.account_id(), move |gateway| async move {
        let (count, page) = list.load(&gateway, &caller).await?;
        let now = Utc::now();
        let results = page.rows.iter().map(|job| JobView::new(job, now)).collect();
        Answer::ok(&links.envelope((count, &page), results))
    });
    Ok(answer.await?.into())
}

/// `GET /v1/jobs/{job}`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Read a job",
    params(JobPath),
    responses((status = 200, description = "The job", body = JobView))
)]
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = job_id(&path)?;
    let answer = gateway.aside(caller.account_id(), move |gateway| async move {
        let job = jobs::get(&gateway, &caller, Access::Read, id).await?;
        Answer::ok(&JobView::new(&job, Utc::now()))
    });
    Ok(answer.await?.into())
}

/// `PUT /v1/jobs/{job}`
#[utoipa::path(
    put,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Change some fields of a job",
    params(JobPath, DryRunQuery),
    request_body = JobChange,
    responses((
        status = 200,
        description = "The job as it is now, or with `dry_run` what it would do",
        body = ChangedJob
    ))
)]
pub async fn update(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, body.bytes())?;
    let change = (job_id(&path)?, body.into_object());
    if is_dry_run(&request)? {
        let would = jobs::try_update(&gateway, &caller, change, Utc::now()).await?;
        return Ok(HttpResponse::Ok().json(would));
    }
    let answer = jobs::update(&gateway, &caller, origin, change).await?;
    Ok(answer.into())
}

/// `PATCH /v1/jobs/{job}`, which is the same.
#[utoipa::path(
    patch,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Change some fields of a job",
    params(JobPath, DryRunQuery),
    request_body = JobChange,
    responses((
        status = 200,
        description = "The job as it is now, or with `dry_run` what it would do",
        body = ChangedJob
    ))
)]
pub async fn patch(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    update(gateway, caller, path, request, body).await
}

/// `DELETE /v1/jobs/{job}`
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Delete a job and its execs",
    params(JobPath),
    responses((status = 204, description = "Deleted; what runs is asked to end"))
)]
pub async fn delete(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let answer = jobs::delete(&gateway, &caller, origin, job_id(&path)?).await?;
    Ok(answer.into())
}

/// Whether a request only asks what would come of it.
fn is_dry_run(request: &HttpRequest) -> Result<bool, ApiError> {
    let query = Query::of(request);
    let asked = query.get("dry_run").map(params::boolean).transpose();
    let asked = asked.map_err(|why| ApiError::invalid("dry_run", why))?;
    Ok(asked.unwrap_or(false))
}

/// A job's number in a path; what is none names no job.
pub(crate) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map(JobId).map_err(|_| ApiError::NotFound)
}
