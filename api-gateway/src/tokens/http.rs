//! `/v1/tokens`.

use actix_web::web::Path;
use chrono::Utc;

use crate::context::Context;
use crate::openapi::parameters::TokenPath;
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::request::context::Sent;
use crate::tokens::view::{NewTokenView, TokenView};
use crate::tokens::{self, TokenDraft};

type TokenList = Envelope<TokenView>;

/// List the tokens of the user
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    responses((status = 200, description = "All live ones", body = TokenList))
)]
pub async fn list(context: Context) -> Reply {
    let tokens = tokens::list(&context).await?;
    let results = tokens.iter().map(TokenView::from).collect();
    Answer::ok(&Envelope::whole(results))
}

/// Make a token
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    request_body = TokenDraft,
    responses((status = 201, description = "The token, shown this once", body = NewTokenView))
)]
pub async fn create(Sent { context, body }: Sent) -> Reply {
    let draft = TokenDraft::parse(&body, Utc::now())?;
    tokens::create(&context, draft).await
}

/// Revoke a token
#[utoipa::path(
    delete,
    path = "/v1/tokens/{token}",
    tag = "tokens",
    params(TokenPath),
    responses((status = 204, description = "It is revoked"))
)]
pub async fn revoke(context: Context, token: Path<i64>) -> Reply {
    tokens::revoke(&context, *token).await
}
