//! `/v1/namespaces/{namespace}/audit`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::audit::AuditList;
use crate::audit::view::AuditView;
use crate::gateway::Gateway;
use crate::openapi::parameters::{AuditQuery, NamespacePath, PageQuery};
use crate::openapi::types::document;
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::LinkBase;
use crate::request::query::Query;
use crate::tokens::caller::Caller;

/// A page of the audit log.
#[derive(Debug)]
pub struct Records;

document!(
    Records,
    "AuditList",
    Envelope::<AuditView<'static>>::schema()
);

/// `GET /v1/namespaces/{namespace}/audit?actor=&action=&created_after=&created_before=`
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/audit",
    tag = "audit",
    summary = "List who did what in a namespace",
    params(NamespacePath, AuditQuery, PageQuery),
    responses((status = 200, description = "A page", body = Records))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    links: web::Data<LinkBase>,
    request: HttpRequest,
    namespace: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let list = AuditList::parse(|name| query.get(name)).map_err(ApiError::Invalid)?;
    let (count, cut) = list.load(&gateway, &caller, &namespace).await?;
    let results = cut.rows.iter().map(AuditView::from).collect();
    Ok(HttpResponse::Ok().json(links.links(&request).envelope((count, &cut), results)))
}
