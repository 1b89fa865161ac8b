//! `/v1/namespaces/{namespace}/members`.

use actix_web::web::Path;

use crate::context::Context;
use crate::members::view::MemberView;
use crate::members::{self, Membership, NewMembership};
use crate::openapi::answers::Conflict;
use crate::openapi::parameters::{MemberPath, NamespacePath};
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::request::context::Sent;

type MemberList = Envelope<MemberView<'static>>;

/// List who may do what in a namespace
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/members",
    tag = "members",
    params(NamespacePath),
    responses((status = 200, description = "All of them", body = MemberList))
)]
pub async fn list(context: Context, namespace: Path<String>) -> Reply {
    let members = members::list(&context, &namespace).await?;
    let results = members.iter().map(MemberView::from).collect();
    Answer::ok(&Envelope::whole(results))
}

/// Invite a user to a role, or give a member another one
#[utoipa::path(
    put,
    path = "/v1/namespaces/{namespace}/members/{user}",
    tag = "members",
    params(MemberPath),
    request_body = NewMembership,
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, response = Conflict),
    )
)]
pub async fn set(Sent { context, body }: Sent, who: Path<Membership>) -> Reply {
    let role = members::parse(&body)?;
    members::set(&context, who.into_inner(), role).await
}

/// Accept an invitation
#[utoipa::path(
    post,
    path = "/v1/namespaces/{namespace}/members/{user}/accept",
    tag = "members",
    params(MemberPath),
    responses(
        (status = 200, description = "The member", body = MemberView),
        (status = 409, response = Conflict),
    )
)]
pub async fn accept(context: Context, who: Path<Membership>) -> Reply {
    members::accept(&context, who.into_inner()).await
}

/// Take a user's role or invitation away
#[utoipa::path(
    delete,
    path = "/v1/namespaces/{namespace}/members/{user}",
    tag = "members",
    params(MemberPath),
    responses(
        (status = 204, description = "It is taken away"),
        (status = 409, response = Conflict),
    )
)]
pub async fn remove(context: Context, who: Path<Membership>) -> Reply {
    members::remove(&context, who.into_inner()).await
}
