//! `/v1/namespaces/{namespace}/calendars`.

use actix_web::web::Path;

use crate::context::Context;
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{CalendarPath, NamespacePath};
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::request::context::Sent;
use crate::schedules::calendars::view::CalendarView;
use crate::schedules::calendars::{self, CalendarDraft};

type CalendarList = Envelope<CalendarView>;

/// List the calendars of a namespace
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/calendars",
    tag = "schedules",
    operation_id = "calendars",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = CalendarList))
)]
pub async fn list(context: Context, path: Path<String>) -> Reply {
    let results = calendars::list(&context, &path).await?;
    Answer::ok(&Envelope::whole(results))
}

/// Keep or replace a calendar, and with it the schedules that name it
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/calendars/{calendar}",
    tag = "schedules",
    operation_id = "put_calendar",
    params(CalendarPath),
    request_body = CalendarDraft,
    responses(
        (status = 200, description = "The calendar", body = CalendarView),
        (status = 409, response = Conflict),
    )
)]
pub async fn put(Sent { context, body }: Sent, path: Path<(String, String)>) -> Reply {
    let (namespace, name) = path.into_inner();
    let draft = CalendarDraft::parse(&name, &body)?;
    calendars::put(&context, (namespace, draft)).await
}

/// Delete a calendar that no schedule names
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/calendars/{calendar}",
    tag = "schedules",
    operation_id = "delete_calendar",
    params(CalendarPath),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, response = Conflict),
    )
)]
pub async fn delete(context: Context, path: Path<(String, String)>) -> Reply {
    calendars::delete(&context, path.into_inner()).await
}
