//! `/v1/jobs/{job}/execs`.

use actix_web::{HttpRequest, HttpResponse, web};
use shared_types::{ExecId, JobId};

use super::jobs::job_id;
use super::links::LinkBase;
use super::query::Query;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::execs;
use crate::gateway::Gateway;
use crate::page::PageRequest;
use crate::view::{ExecView, JobView};

/// `POST /v1/jobs/{job}/execs`
pub async fn trigger(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let exec = execs::trigger(&gateway, &caller, job_id(&path)?).await?;
    Ok(HttpResponse::Created().json(ExecView::from(&exec)))
}

/// `GET /v1/jobs/{job}/execs?page=&page_size=`
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let page = PageRequest::parse(|name| query.get(name)).map_err(ApiError::Invalid)?;
    let (count, cut) = execs::list(&gateway, &caller, job_id(&path)?, page).await?;
    let results = cut.rows.iter().map(ExecView::from).collect();
    Ok(HttpResponse::Ok().json(links.envelope(&request, (count, &cut), results)))
}

/// `GET /v1/jobs/{job}/execs/{exec}`
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (job, exec) = execs::get(&gateway, &caller, ids(&path)?).await?;
    Ok(HttpResponse::Ok().json(ExecView::new(&exec, JobView::from(&job))))
}

/// The ids in an exec's path; what is none names no exec.
pub(super) fn ids((job, exec): &(String, String)) -> Result<(JobId, ExecId), ApiError> {
    let exec = exec.parse().map_err(|_| ApiError::NotFound)?;
    Ok((job_id(job)?, exec))
}
