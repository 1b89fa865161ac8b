//! `/v1/namespaces/{namespace}/audit`.

use actix_web::web::Path;

use crate::audit::AuditList;
use crate::audit::view::AuditView;
use crate::context::Context;
use crate::openapi::parameters::NamespacePath;
use crate::openapi::types::document;
use crate::read::query::Query;
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::reply::links::Links;

/// A page of the audit log.
#[derive(Debug)]
pub struct Records;

document!(
    Records,
    "AuditList",
    Envelope::<AuditView<'static>>::schema()
);

/// List who did what in a namespace
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/audit",
    tag = "audit",
    params(NamespacePath, AuditList),
    responses((status = 200, description = "A page", body = Records))
)]
pub async fn list(context: Context, links: Links, query: Query, namespace: Path<String>) -> Reply {
    let list = AuditList::parse(&query)?;
    let (count, cut) = list.load(&context, &namespace).await?;
    let results = cut.rows.iter().map(AuditView::from).collect();
    Answer::ok(&links.envelope((count, &cut), results))
}
