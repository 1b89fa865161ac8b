//! `/v1/namespaces/{namespace}/registries`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::gateway::Gateway;
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{NamespacePath, RegistryPath};
use crate::registries::view::RegistryView;
use crate::registries::{self, NewRegistry};
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::tokens::caller::Caller;

type RegistryList = Envelope<RegistryView>;

/// `GET /v1/namespaces/{namespace}/registries`
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/registries",
    tag = "registries",
    summary = "List the private registries of a namespace",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = RegistryList))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let results = registries::list(&gateway, &caller, &path).await?;
    Ok(HttpResponse::Ok().json(Envelope::whole(results)))
}

/// `PUT /v1/namespaces/{namespace}/registries/{registry}`
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/registries/{registry}",
    tag = "registries",
    summary = "Keep or replace a registry's credential",
    params(RegistryPath),
    request_body = NewRegistry,
    responses(
        (status = 200, description = "The registry", body = RegistryView),
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
    let (namespace, registry) = path.into_inner();
    let credential = registries::parse(&registry, &body).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let answer = registries::put(&gateway, &caller, origin, namespace, credential).await?;
    Ok(answer.into())
}

/// `DELETE /v1/namespaces/{namespace}/registries/{registry}`
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/registries/{registry}",
    tag = "registries",
    summary = "Forget a registry's credential",
    params(RegistryPath),
    responses((status = 204, description = "Forgotten; execs that have it keep it"))
)]
pub async fn delete(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (namespace, registry) = path.into_inner();
    let origin = origin(&request, &caller, &[])?;
    let answer = registries::delete(&gateway, &caller, origin, namespace, &registry).await?;
    Ok(answer.into())
}
