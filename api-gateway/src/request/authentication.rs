//! Every path of the API wants `Authorization: Token <40 hex digits>`. A
//! middleware checks it before anything else of the request is read.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use super::address::ClientAddress;
use super::unread;
use crate::gateway::Gateway;
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;
use crate::tokens::secret::Token;

/// Lets a request through as a [`Caller`], or answers it with 401.
pub async fn authenticate(
    gateway: web::Data<Gateway>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match caller(&gateway, &request).await {
        Ok(caller) => {
            tracing::Span::current().record("account", caller.name());
            let account = caller.account_id();
            request.extensions_mut().insert(caller);
            let answer = next.call(request).await?.map_into_boxed_body();
            Ok(unread::counted(answer, &gateway.turns, account))
        }
        Err(error) => Ok(request.error_response(error)),
    }
}

async fn caller(gateway: &Gateway, request: &ServiceRequest) -> Result<Caller, ApiError> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or(ApiError::Unauthenticated(
            "send Authorization: Token <40 hex digits>",
        ))?;
    let token = header
        .to_str()
        .ok()
        .and_then(read_token)
        .ok_or(ApiError::Unauthenticated(
            "the Authorization header is not Token <40 hex digits>",
        ))?;
    let sha256 = token.sha256();
    let caller = match gateway.tokens.recent(sha256).await {
        Some(caller) => caller,
        None => verify(gateway, ClientAddress::of(request.request()), sha256).await?,
    };
    gateway.limits.token(caller.token_id())?;
    Ok(caller)
}

/// Asks the database, but not on behalf of one who guesses.
async fn verify(
    gateway: &Gateway,
    client: ClientAddress,
    sha256: [u8; 32],
) -> Result<Caller, ApiError> {
    if !gateway.tokens.is_known(sha256).await {
        gateway.limits.may_authenticate(client)?;
    }
    let caller = gateway.tokens.verify(sha256).await;
    if let Err(ApiError::Unauthenticated(_)) = caller {
        gateway.limits.authentication_failed(client);
    }
    caller
}

fn read_token(header: &str) -> Option<Token> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("token").then_some(())?;
    Token::parse(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_token_in_any_case() {
        let token = Token::random();
        let hex = token.reveal();
        for scheme in ["Token", "token", "TOKEN"] {
            assert_eq!(read_token(&format!("{scheme} {hex}")), Some(token.clone()));
        }
        for bad in [
            hex.clone(),
            format!("Bearer {hex}"),
            format!("Token{hex}"),
            "Token".to_owned(),
        ] {
            assert_eq!(read_token(&bad), None, "{bad}");
        }
    }
}
