//! `/v1/jobs/{job}/execs`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use shared_types::{ExecId, JobId};
use store::access::Access;

use crate::execs;
use crate::execs::list::ExecList;
use crate::execs::overrides::Overrides;
use crate::execs::view::{ExecDetail, ExecView};
use crate::gateway::Gateway;
use crate::jobs::http::job_id;
use crate::openapi::parameters::{ExecListQuery, ExecPath, JobPath, PageQuery, WaitQuery};
use crate::openapi::types::document;
use crate::read::fields::Fields;
use crate::reply::answer::Answer;
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::LinkBase;
use crate::request::body::OptionalBody;
use crate::request::connection::gone;
use crate::request::origin::origin;
use crate::request::query::Query;
use crate::request::wait::wait_time;
use crate::tokens::caller::Caller;

type ExecPage = Envelope<ExecView<'static>>;

/// A body without fields.
#[derive(Debug)]
pub struct Nothing;

document!(Nothing, "Nothing", Fields::schema(|_| Some(())));

/// `POST /v1/jobs/{job}/execs`
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs",
    tag = "execs",
    summary = "Trigger a job",
    params(JobPath),
    request_body = Option<Overrides>,
    responses((status = 201, description = "The exec, which waits", body = ExecView))
)]
pub async fn trigger(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
    request: HttpRequest,
    body: OptionalBody,
) -> Result<HttpResponse, ApiError> {
    let overrides = Overrides::parse(&body.0, &gateway.catalog).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.0.bytes())?;
    let what = (job_id(&path)?, overrides);
    let answer = execs::trigger(&gateway, &caller, origin, what).await?;
    Ok(answer.into())
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
    responses((status = 200, description = "A page", body = ExecPage))
)]
pub async fn list(
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

/// `GET /v1/jobs/{job}/execs/{exec}?wait=`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}",
    tag = "execs",
    summary = "Read an exec, or wait for its end",
    params(ExecPath, WaitQuery),
    responses((status = 200, description = "The exec with its job", body = ExecDetail))
)]
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let time = wait_time(&query).map_err(|why| ApiError::invalid("wait", why))?;
    let ids = ids(&path)?;
    let (job, exec) = match time {
        Some(time) => execs::wait(&gateway, &caller, ids, (time, gone(&request))).await?,
        None => execs::get(&gateway, &caller, Access::Read, ids).await?,
    };
    Ok(HttpResponse::Ok().json(ExecDetail::new(&exec, &job, Utc::now())))
}

/// `DELETE /v1/jobs/{job}/execs/{exec}`
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}/execs/{exec}",
    tag = "execs",
    summary = "Delete an exec",
    params(ExecPath),
    responses((status = 204, description = "Deleted; if it runs, it is asked to end"))
)]
pub async fn delete(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let answer = execs::delete(&gateway, &caller, origin, ids(&path)?).await?;
    Ok(answer.into())
}

/// `POST /v1/jobs/{job}/execs/{exec}/cancel`
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs/{exec}/cancel",
    tag = "execs",
    summary = "Ask an exec to end",
    params(ExecPath),
    request_body = Option<Nothing>,
    responses((status = 202, description = "It is asked to end", body = ExecView))
)]
pub async fn cancel(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: OptionalBody,
) -> Result<HttpResponse, ApiError> {
    takes_nothing(&body)?;
    let origin = origin(&request, &caller, body.0.bytes())?;
    let answer = execs::cancel(&gateway, &caller, origin, ids(&path)?).await?;
    Ok(answer.into())
}

/// `POST /v1/jobs/{job}/execs/{exec}/rerun`
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs/{exec}/rerun",
    tag = "execs",
    summary = "Run an exec again as it was",
    params(ExecPath),
    request_body = Option<Nothing>,
    responses((status = 201, description = "The new exec", body = ExecView))
)]
pub async fn rerun(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: OptionalBody,
) -> Result<HttpResponse, ApiError> {
    takes_nothing(&body)?;
    let origin = origin(&request, &caller, body.0.bytes())?;
    let answer = execs::rerun(&gateway, &caller, origin, ids(&path)?).await?;
    Ok(answer.into())
}

fn takes_nothing(body: &OptionalBody) -> Result<(), ApiError> {
    Fields::read(&body.0, |_| Some(())).map_err(ApiError::Invalid)
}

/// The ids in an exec's path; what is none names no exec.
pub(crate) fn ids((job, exec): &(String, String)) -> Result<(JobId, ExecId), ApiError> {
    let exec = exec.parse().map_err(|_| ApiError::NotFound)?;
    Ok((job_id(job)?, exec))
}
