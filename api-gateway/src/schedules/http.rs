//! `/v1/schedules`, `/v1/jobs/{job}/slots` and `/v1/jobs/{job}/backfills`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use futures::FutureExt;
use store::access::Access;
use store::backfills::BackfillId;

use crate::gateway::Gateway;
use crate::jobs::http::job_id;
use crate::openapi::parameters::{
    BackfillListQuery, BackfillPath, JobPath, PageQuery, SlotListQuery,
};
use crate::reply::answer::Answer;
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::LinkBase;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::request::query::Query;
use crate::schedules::backfills::view::BackfillView;
use crate::schedules::backfills::{self, BackfillDraft, BackfillList};
use crate::schedules::calendars;
use crate::schedules::preview::{Preview, PreviewRequest};
use crate::schedules::slots::{SlotList, SlotView};
use crate::tokens::caller::Caller;
use crate::write::Written;

type SlotPage = Envelope<SlotView>;
type BackfillPage = Envelope<BackfillView<'static>>;

/// `POST /v1/schedules/preview`
#[utoipa::path(
    post,
    path = "/v1/schedules/preview",
    tag = "schedules",
    summary = "Ask when a schedule would run",
    request_body = PreviewRequest,
    responses((status = 200, description = "Its next runs", body = Preview))
)]
pub async fn preview(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let now = Utc::now();
    let asked = PreviewRequest::parse(&body, &gateway.catalog, now);
    let mut asked = asked.map_err(ApiError::Invalid)?;
    let namespace = asked.namespace.as_deref().unwrap_or(caller.name());
    let namespace = namespace.to_owned();
    caller.may(Access::Read, &namespace)?;
    let origin = origin(&request, &caller, body.bytes())?;
    // Written only to answer the same again under an idempotency key.
    let preview = gateway.write(origin, move |conn| {
        async move {
            calendars::fill_in(conn, &namespace, &mut asked.rules).await?;
            let preview = asked.preview(now);
            let preview = preview.map_err(|error| ApiError::Internal(error.into()))?;
            Ok(Written {
                answer: Answer::ok(&preview)?,
                audit: Vec::new(),
                announcements: Vec::new(),
            })
        }
        .boxed()
    });
    Ok(preview.await?.into())
}

/// `GET /v1/jobs/{job}/slots?from=&to=&outcome=&sort=&page=&page_size=&cursor=`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/slots",
    tag = "schedules",
    summary = "List what became of the planned instants of a job",
    params(JobPath, SlotListQuery, PageQuery),
    responses((status = 200, description = "A page", body = SlotPage))
)]
pub async fn slots(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let list = SlotList::parse(|name| query.get(name), job_id(&path)?);
    let list = list.map_err(ApiError::Invalid)?;
    let (count, page) = list.load(&gateway, &caller, Utc::now()).await?;
    let results = page.rows.iter().map(SlotView::from).collect();
    Ok(HttpResponse::Ok().json(links.links(&request).envelope((count, &page), results)))
}

/// `GET /v1/jobs/{job}/backfills?sort=&page=&page_size=&cursor=`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/backfills",
    tag = "schedules",
    summary = "List the backfills of a job",
    params(JobPath, BackfillListQuery, PageQuery),
    responses((status = 200, description = "A page", body = BackfillPage))
)]
pub async fn backfills(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let list = BackfillList::parse(|name| query.get(name), job_id(&path)?);
    let list = list.map_err(ApiError::Invalid)?;
    let (count, page) = list.load(&gateway, &caller).await?;
    let results = page.rows.iter().map(BackfillView::from).collect();
    Ok(HttpResponse::Ok().json(links.links(&request).envelope((count, &page), results)))
}

/// `POST /v1/jobs/{job}/backfills`
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/backfills",
    tag = "schedules",
    summary = "Run the planned instants of a range after the fact",
    params(JobPath),
    request_body = BackfillDraft,
    responses((status = 201, description = "The backfill", body = BackfillView))
)]
pub async fn create_backfill(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft = BackfillDraft::parse(&body, Utc::now()).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let what = (job_id(&path)?, draft);
    Ok(backfills::create(&gateway, &caller, origin, what)
        .await?
        .into())
}

/// `GET /v1/jobs/{job}/backfills/{backfill}`
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/backfills/{backfill}",
    tag = "schedules",
    summary = "Read a backfill",
    params(BackfillPath),
    responses((status = 200, description = "The backfill", body = BackfillView))
)]
pub async fn backfill(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let backfill = backfills::get(&gateway, &caller, (job_id(&path.0)?, id(&path.1)?)).await?;
    Ok(HttpResponse::Ok().json(BackfillView::from(&backfill)))
}

/// `DELETE /v1/jobs/{job}/backfills/{backfill}`
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}/backfills/{backfill}",
    tag = "schedules",
    summary = "Drop what a backfill has not run yet",
    params(BackfillPath),
    responses((status = 200, description = "The backfill", body = BackfillView))
)]
pub async fn drop_backfill(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let which = (job_id(&path.0)?, id(&path.1)?);
    Ok(backfills::drop(&gateway, &caller, origin, which)
        .await?
        .into())
}

/// A backfill's number in a path; what is none names no backfill.
fn id(text: &str) -> Result<BackfillId, ApiError> {
    text.parse().map(BackfillId).map_err(|_| ApiError::NotFound)
}
