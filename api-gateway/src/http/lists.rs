//! `GET /v1/jobs` and `GET /v1/jobs/{job}/execs`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;

use super::jobs::job_id;
use super::links::LinkBase;
use super::query::Query;
use crate::answer::Answer;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::exec_list::ExecList;
use crate::gateway::Gateway;
use crate::job_list::JobList;
use crate::openapi::parameters::{ExecListQuery, JobListQuery, JobPath, PageQuery};
use crate::openapi::schemas;
use crate::view::{ExecView, JobView};

/// `GET /v1/jobs?namespace=&name=&region_name=&is_schedule_active=&created_after=
/// &created_before=&sort=&page=&page_size=&cursor=`
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    operation_id = "list",
    summary = "List the jobs of a namespace",
    params(JobListQuery, PageQuery),
    responses((status = 200, description = "A page", body = schemas::JobList))
)]
pub async fn jobs(
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

/// `GET /v1/jobs/{job}/execs?status=&trigger_mode=&region_name=&created_after=
/// &created_before=&sort=&page=&page_size=&cursor=`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs",
    tag = "execs",
    operation_id = "list",
    summary = "List the execs of a job",
    params(JobPath, ExecListQuery, PageQuery),
    responses((status = 200, description = "A page", body = schemas::ExecList))
)]
pub async fn execs(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let list = ExecList::parse(|name| query.get(name), job_id(&path)?);
    let list = list.map_err(ApiError::Invalid)?;
    let links = links.links(&request);
    let answer = gateway.aside(caller.account_id(), move |gateway| async move {
        let (count, page) = list.load(&gateway, &caller).await?;
        let results = page.rows.iter().map(ExecView::from).collect();
        Answer::ok(&links.envelope((count, &page), results))
    });
    Ok(answer.await?.into())
}
