//! `/v1/namespaces/{namespace}/registries`.

use actix_web::web::Path;

use crate::context::Context;
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{NamespacePath, RegistryPath};
use crate::registries::view::RegistryView;
use crate::registries::{self, NewRegistry};
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::request::context::Sent;

type RegistryList = Envelope<RegistryView>;

/// List the private registries of a namespace
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/registries",
    tag = "registries",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = RegistryList))
)]
pub async fn list(context: Context, path: Path<String>) -> Reply {
    let results = registries::list(&context, &path).await?;
    Answer::ok(&Envelope::whole(results))
}

/// Keep or replace a registry's credential
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/registries/{registry}",
    tag = "registries",
    params(RegistryPath),
    request_body = NewRegistry,
    responses(
        (status = 200, description = "The registry", body = RegistryView),
        (status = 409, response = Conflict),
    )
)]
pub async fn put(Sent { context, body }: Sent, path: Path<(String, String)>) -> Reply {
    let (namespace, registry) = path.into_inner();
    let credential = registries::parse(&registry, &body)?;
    registries::put(&context, namespace, credential).await
}

/// Forget a registry's credential
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/registries/{registry}",
    tag = "registries",
    params(RegistryPath),
    responses((status = 204, description = "Forgotten; execs that have it keep it"))
)]
pub async fn delete(context: Context, path: Path<(String, String)>) -> Reply {
    let (namespace, registry) = path.into_inner();
    registries::delete(&context, namespace, &registry).await
}
