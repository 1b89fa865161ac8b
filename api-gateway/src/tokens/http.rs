//! `/v1/tokens`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;

use crate::gateway::Gateway;
use crate::openapi::parameters::TokenPath;
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::request::body::Body;
use crate::request::origin::origin;
use crate::tokens::caller::Caller;
use crate::tokens::view::{NewTokenView, TokenView};
use crate::tokens::{self, TokenDraft};

type TokenList = Envelope<TokenView>;

/// `GET /v1/tokens`
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    summary = "List the tokens of the user",
    responses((status = 200, description = "All live ones", body = TokenList))
)]
pub async fn list(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
) -> Result<HttpResponse, ApiError> {
    let tokens = tokens::list(&gateway, &caller).await?;
    let results = tokens.iter().map(TokenView::from).collect();
    Ok(HttpResponse::Ok().json(Envelope::whole(results)))
}

/// `POST /v1/tokens`
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    summary = "Make a token",
    request_body = TokenDraft,
    responses((status = 201, description = "The token, shown this once", body = NewTokenView))
)]
pub async fn create(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft = TokenDraft::parse(&body, Utc::now()).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    Ok(tokens::create(&gateway, &caller, origin, draft)
        .await?
        .into())
}

/// `DELETE /v1/tokens/{token}`
#[utoipa::path(
    delete,
    path = "/v1/tokens/{token}",
    tag = "tokens",
    summary = "Revoke a token",
    params(TokenPath),
    responses((status = 204, description = "It is revoked"))
)]
pub async fn revoke(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path.parse().map_err(|_| ApiError::NotFound)?;
    let origin = origin(&request, &caller, &[])?;
    Ok(tokens::revoke(&gateway, &caller, origin, id).await?.into())
}
