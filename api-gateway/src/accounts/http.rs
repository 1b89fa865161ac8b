//! `/v1/auth/register`, `/v1/generate-api-token`, `/v1/account` and
//! `/v1/organisations`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::accounts;
use crate::accounts::draft::{Login, NewOrganisation, PasswordChange, Registration};
use crate::accounts::view::{AccountView, LoginView, OrganisationView, ProfileView};
use crate::gateway::Gateway;
use crate::openapi::answers::{Forbidden, Unauthenticated};
use crate::reply::error::ApiError;
use crate::request::address::ClientAddress;
use crate::request::body::Body;
use crate::request::form::Form;
use crate::request::origin::{origin, public_origin};
use crate::tokens::caller::Caller;

/// `POST /v1/auth/register`
#[utoipa::path(
    post,
    path = "/v1/auth/register",
    tag = "accounts",
    summary = "Become a user",
    description = "A form, urlencoded or multipart, is taken as well as JSON.",
    request_body = Registration,
    responses(
        (status = 201, description = "The user", body = ProfileView),
        (status = 403, response = Forbidden),
    )
)]
pub async fn register(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    Form(body): Form,
) -> Result<HttpResponse, ApiError> {
    let wish = Registration::parse(&body).map_err(ApiError::Invalid)?;
    let origin = public_origin(&request, &wish.username, body.bytes())?;
    Ok(accounts::register(&gateway, origin, wish).await?.into())
}

/// `POST /v1/generate-api-token`
#[utoipa::path(
    post,
    path = "/v1/generate-api-token",
    tag = "tokens",
    summary = "Get a token for a password",
    description = "A form, urlencoded or multipart, is taken as well as JSON.",
    request_body = Login,
    responses(
        (status = 200, description = "A token", body = LoginView),
        (status = 401, response = Unauthenticated),
    )
)]
pub async fn login(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    Form(body): Form,
) -> Result<HttpResponse, ApiError> {
    let login = Login::parse(&body).map_err(ApiError::Invalid)?;
    let (client, user) = (ClientAddress::of(&request), login.username.clone());
    gateway.limits.login(client, &user)?;
    let origin = public_origin(&request, &user, body.bytes())?;
    let answer = accounts::login(&gateway, origin, login).await?;
    gateway.limits.logged_in(client, &user);
    Ok(answer.into())
}

/// `GET /v1/account`
#[utoipa::path(
    get,
    path = "/v1/account",
    tag = "accounts",
    summary = "Show the user of the token",
    responses((status = 200, description = "The user", body = AccountView))
)]
pub async fn get(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(accounts::get(&gateway, &caller).await?))
}

/// `PUT /v1/account/password`
#[utoipa::path(
    put,
    path = "/v1/account/password",
    tag = "accounts",
    summary = "Change the password and revoke all other tokens",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "It is changed"),
    )
)]
pub async fn change_password(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let change = PasswordChange::parse(&body).map_err(ApiError::Invalid)?;
    gateway.limits.change_password(caller.account_id())?;
    let origin = origin(&request, &caller, body.bytes())?;
    let answer = accounts::change_password(&gateway, &caller, origin, change).await?;
    Ok(answer.into())
}

/// `POST /v1/organisations`
#[utoipa::path(
    post,
    path = "/v1/organisations",
    tag = "accounts",
    summary = "Make an organisation",
    request_body = NewOrganisation,
    responses((status = 201, description = "The organisation", body = OrganisationView))
)]
pub async fn create_organisation(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let wish = NewOrganisation::parse(&body).map_err(ApiError::Invalid)?;
    let origin = origin(&request, &caller, body.bytes())?;
    let answer = accounts::create_organisation(&gateway, &caller, origin, wish.name).await?;
    Ok(answer.into())
}
