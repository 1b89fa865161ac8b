//! `/v1/namespaces/{namespace}/members`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::gateway::Gateway;
use crate::members::view::MemberView;
use crate::members::{self, Membership, NewMembership};
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{MemberPath, NamespacePath};
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::tokens::caller::Caller;

type MemberList = Envelope<MemberView<'static>>;

/// `GET /v1/namespaces/{namespace}/members`
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/members",
    tag = "members",
    summary = "List who may do what in a namespace",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = MemberList))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    namespace: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let members = members::list(&gateway, &caller, &namespace).await?;
    let results = members.iter().map(MemberView::from).collect();
    Ok(HttpResponse::Ok().json(Envelope::whole(results)))
}

/// `PUT /v1/namespaces/{namespace}/members/{user}`
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/members/{user}",
    tag = "members",
    summary = "Invite a user to a role, or give a member another one",
    params(MemberPath),
    request_body = NewMembership,
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, response = Conflict),
    )
)]
pub async fn set(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let role = members::parse(&body).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let wish = (membership(path), role);
    Ok(members::set(&gateway, &caller, origin, wish).await?.into())
}

/// `POST /v1/namespaces/{namespace}/members/{user}/accept`
#[utoipa::path(
    post,
    path = "/v1/namespaces/{namespace}/members/{user}/accept",
    tag = "members",
    summary = "Accept an invitation",
    params(MemberPath),
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, response = Conflict),
    )
)]
pub async fn accept(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let answer = members::accept(&gateway, &caller, origin, membership(path)).await?;
    Ok(answer.into())
}

/// `DELETE /v1/namespaces/{namespace}/members/{user}`
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/members/{user}",
    tag = "members",
    summary = "Take a user's role or invitation away",
    params(MemberPath),
    responses(
        (status = 204, description = "It is taken away"),
        (status = 409, response = Conflict),
    )
)]
pub async fn remove(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request, &caller, &[])?;
    let answer = members::remove(&gateway, &caller, origin, membership(path)).await?;
    Ok(answer.into())
}

fn membership(path: web::Path<(String, String)>) -> Membership {
    let (namespace, user) = path.into_inner();
    Membership { namespace, user }
}
