//! `/v1/auth/register`, `/v1/generate-api-token`, `/v1/account` and
//! `/v1/organisations`.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::accounts;
use crate::accounts::draft::{Login, NewOrganisation, PasswordChange, Registration};
use crate::accounts::view::{AccountView, LoginView, OrganisationView, ProfileView};
use crate::context::Context;
use crate::gateway::Gateway;
use crate::openapi::answers::{Forbidden, Unauthenticated};
use crate::reply::answer::{Answer, Reply};
use crate::request::address::ClientAddress;
use crate::request::context::Sent;
use crate::request::form::Form;
use crate::request::source::public_source;

/// Become a user
#[utoipa::path(
    post,
    path = "/v1/auth/register",
    tag = "accounts",
    description = "A form, urlencoded or multipart, is taken as well as JSON.",
    request_body = Registration,
    responses(
        (status = 201, description = "The user", body = ProfileView),
        (status = 403, response = Forbidden),
    )
)]
pub async fn register(gateway: Data<Gateway>, request: HttpRequest, Form(body): Form) -> Reply {
    let wish = Registration::parse(&body)?;
    let source = public_source(&request, &wish.username, body.bytes())?;
    accounts::register(&gateway, source, wish).await
}

/// Get a token for a password
#[utoipa::path(
    post,
    path = "/v1/generate-api-token",
    tag = "tokens",
    description = "A form, urlencoded or multipart, is taken as well as JSON.",
    request_body = Login,
    responses(
        (status = 200, description = "A token", body = LoginView),
        (status = 401, response = Unauthenticated),
    )
)]
pub async fn login(gateway: Data<Gateway>, request: HttpRequest, Form(body): Form) -> Reply {
    let login = Login::parse(&body)?;
    let (client, user) = (ClientAddress::of(&request), login.username.clone());
    gateway.limits.login(client, &user)?;
    let source = public_source(&request, &user, body.bytes())?;
    let answer = accounts::login(&gateway, source, login).await?;
    gateway.limits.logged_in(client, &user);
    Ok(answer)
}

/// Show the user of the token
#[utoipa::path(
    get,
    path = "/v1/account",
    tag = "accounts",
    responses((status = 200, description = "The user", body = AccountView))
)]
pub async fn get(context: Context) -> Reply {
    Answer::ok(&accounts::get(&context).await?)
}

/// Change the password and revoke all other tokens
#[utoipa::path(
    put,
    path = "/v1/account/password",
    tag = "accounts",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "It is changed"),
    )
)]
pub async fn change_password(Sent { context, body }: Sent) -> Reply {
    let change = PasswordChange::parse(&body)?;
    let limits = &context.gateway.limits;
    limits.change_password(context.caller.account_id())?;
    accounts::change_password(&context, change).await
}

/// Make an organisation
#[utoipa::path(
    post,
    path = "/v1/organisations",
    tag = "accounts",
    request_body = NewOrganisation,
    responses((status = 201, description = "The organisation", body = OrganisationView))
)]
pub async fn create_organisation(Sent { context, body }: Sent) -> Reply {
    let wish = NewOrganisation::parse(&body)?;
    accounts::create_organisation(&context, wish.name).await
}
