//! `/v1/jobs`.

use actix_web::{HttpRequest, HttpResponse, web};
use shared_types::JobId;
use store::access::Access;

use super::body::Body;
use super::origin::origin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::job_draft::JobDraft;
use crate::jobs;
use crate::openapi::parameters::JobPath;
use crate::openapi::schemas::{Job, JobChange, NewJob};
use crate::view::JobView;

/// `POST /v1/jobs`
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    summary = "Make a job",
    request_body = NewJob,
    responses((status = 201, description = "The job", body = Job))
)]
pub async fn create(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft = JobDraft::parse(&body, &gateway.catalog).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let answer = jobs::create(&gateway, &caller, origin, draft).await?;
    Ok(answer.into())
}

/// `GET /v1/jobs/{job}`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Read a job",
    params(JobPath),
    responses((status = 200, description = "The job", body = Job))
)]
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let job = jobs::get(&gateway, &caller, Access::Read, job_id(&path)?).await?;
    Ok(HttpResponse::Ok().json(JobView::from(&job)))
}

/// `PUT /v1/jobs/{job}`
#[utoipa::path(
    put,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Change some fields of a job",
    params(JobPath),
    request_body = JobChange,
    responses((status = 200, description = "The job as it is now", body = Job))
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
    let answer = jobs::update(&gateway, &caller, origin, change).await?;
    Ok(answer.into())
}

/// `PATCH /v1/jobs/{job}`, which is the same.
#[utoipa::path(
    patch,
    path = "/v1/jobs/{job}",
    tag = "jobs",
    summary = "Change some fields of a job",
    params(JobPath),
    request_body = JobChange,
    responses((status = 200, description = "The job as it is now", body = Job))
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

/// A job's number in a path; what is none names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map(JobId).map_err(|_| ApiError::NotFound)
}
