//! `/v1/jobs`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};
use shared_types::JobId;

use super::links::LinkBase;
use super::query::Query;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::job_draft::JobDraft;
use crate::jobs;
use crate::page::PageRequest;
use crate::view::JobView;

/// `POST /v1/jobs`
pub async fn create(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    body: web::Json<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let draft = JobDraft::parse(&body, &gateway.catalog).map_err(ApiError::Invalid)?;
    let job = jobs::create(&gateway, &caller, draft).await?;
    Ok(HttpResponse::Created().json(JobView::from(&job)))
}

/// `GET /v1/jobs?namespace=&page=&page_size=`
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let page = PageRequest::parse(|name| query.get(name)).map_err(ApiError::Invalid)?;
    let namespace = caller.namespace(query.get("namespace"))?;
    let (count, cut) = jobs::list(&gateway, namespace, page).await?;
    let results = cut.rows.iter().map(JobView::from).collect();
    Ok(HttpResponse::Ok().json(links.envelope(&request, (count, &cut), results)))
}

/// `GET /v1/jobs/{job}`
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let job = jobs::get(&gateway, &caller, job_id(&path)?).await?;
    Ok(HttpResponse::Ok().json(JobView::from(&job)))
}

/// A job's number in a path; what is none names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map(JobId).map_err(|_| ApiError::NotFound)
}
