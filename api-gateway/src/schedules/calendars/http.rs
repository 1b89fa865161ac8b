//! `/v1/namespaces/{namespace}/calendars`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::gateway::Gateway;
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{CalendarPath, NamespacePath};
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::schedules::calendars::view::CalendarView;
use crate::schedules::calendars::{self, CalendarDraft};
use crate::tokens::caller::Caller;

type CalendarList = Envelope<CalendarView>;

/// `GET /v1/namespaces/{namespace}/calendars`
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/calendars",
    tag = "schedules",
    operation_id = "calendars",
    summary = "List the calendars of a namespace",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = CalendarList))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let results = calendars::list(&gateway, &caller, &path).await?;
    Ok(HttpResponse::Ok().json(Envelope::whole(results)))
}

/// `PUT /v1/namespaces/{namespace}/calendars/{calendar}`
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/calendars/{calendar}",
    tag = "schedules",
    operation_id = "put_calendar",
    summary = "Keep or replace a calendar, and with it the schedules that name it",
    params(CalendarPath),
    request_body = CalendarDraft,
    responses(
        (status = 200, description = "The calendar", body = CalendarView),
        (status = 409, response = Conflict),
    )
)]
pub async fn put(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let (namespace, name) = path.into_inner();
    let draft = CalendarDraft::parse(&name, &body).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let answer = calendars::put(&gateway, &caller, origin, (namespace, draft)).await?;
    Ok(answer.into())
}

/// `DELETE /v1/namespaces/{namespace}/calendars/{calendar}`
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/calendars/{calendar}",
    tag = "schedules",
    operation_id = "delete_calendar",
    summary = "Delete a calendar that no schedule names",
    params(CalendarPath),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, response = Conflict),
    )
)]
pub async fn delete(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let answer = calendars::delete(&gateway, &caller, origin, path.into_inner()).await?;
    Ok(answer.into())
}
