//! Which path leads where. Paths come without a trailing slash: a middleware
//! has taken it off, as 2015 clients send both.

use actix_web::middleware::from_fn;
use actix_web::web::{self, PathConfig, PayloadConfig, ServiceConfig};
use actix_web::{HttpResponse, Route};
use utoipa::OpenApi;

use crate::accounts::http as accounts;
use crate::audit::http as audit;
use crate::audit::view::AuditView;
use crate::catalog::http as catalog;
use crate::execs::http as execs;
use crate::jobs::http as jobs;
use crate::logs::http as logs;
use crate::members::http as members;
use crate::openapi::docs;
use crate::registries::http as registries;
use crate::reply::error::ApiError;
use crate::reply::problem::Problem;
use crate::request::authentication;
use crate::request::body::{BODY_MAX, PUBLIC_BODY_MAX};
use crate::schedules::calendars::http as calendars;
use crate::schedules::http as schedules;
use crate::tokens::http as tokens;

/// Builds the table of routes and what registers them. `public` answers without a
/// token; paths of `private` lie under `/v1`.
macro_rules! routes {
    (
        public { $($public:literal => {
            $($public_method:ident: $public_handler:path),+
        })* }
        private { $($path:literal => { $($($method:ident)|+: $handler:path),+ })+ }
    ) => {
        /// Every route: method, path, and whether it answers without a token.
        pub const ROUTES: &[(&str, &str, bool)] = &[
            $($((stringify!($public_method), $public, true),)+)*
            $($($((stringify!($method), concat!("/v1", $path), false),)+)+)+
        ];

        /// What the handlers say of themselves.
        #[derive(OpenApi)]
        #[openapi(
            paths($($($public_handler,)+)* $($($handler),+),+),
            // Named by no handler: the errors of all, and what a page of a log is of.
            components(schemas(Problem, AuditView))
        )]
        pub struct Operations;

        fn public(config: &mut ServiceConfig) {
            $(config.service(
                web::resource($public)
                    .app_data(PayloadConfig::new(PUBLIC_BODY_MAX))
                    $(.$public_method($public_handler))+
                    .default_service(only(&[$(stringify!($public_method)),+])),
            );)*
        }

        fn private(config: &mut ServiceConfig) {
            $(config.service(
                web::resource($path)
                    $($(.$method($handler))+)+
                    .default_service(only(&[$($(stringify!($method)),+),+])),
            );)+
        }
    };
}

routes! {
    public {
        "/v1/auth/register" => { post: accounts::register }
        "/v1/generate-api-token" => { post: accounts::login }
        "/openapi.json" => { get: docs::document }
        "/docs" => { get: docs::page }
        "/docs/{file}" => { get: docs::file }
    }
    private {
        "/regions" => { get: catalog::regions }
        "/sizes" => { get: catalog::sizes }
        "/jobs" => { get: jobs::list, post: jobs::create }
        "/jobs/{job}" => {
            get: jobs::get, put | patch: jobs::update, delete: jobs::delete
        }
        "/jobs/{job}/execs" => { get: execs::list, post: execs::trigger }
        "/jobs/{job}/execs/{exec}" => { get: execs::get, delete: execs::delete }
        "/jobs/{job}/execs/{exec}/attempts" => { get: execs::attempts }
        "/jobs/{job}/execs/{exec}/timeline" => { get: execs::timeline }
        "/jobs/{job}/execs/{exec}/cancel" => { post: execs::cancel }
        "/jobs/{job}/execs/{exec}/rerun" => { post: execs::rerun }
        "/schedules/preview" => { post: schedules::preview }
        "/namespaces/{namespace}/calendars" => { get: calendars::list }
        "/namespaces/{namespace}/calendars/{calendar}" => {
            put: calendars::put, delete: calendars::delete
        }
        "/jobs/{job}/slots" => { get: schedules::slots }
        "/jobs/{job}/backfills" => { get: schedules::backfills, post: schedules::create_backfill }
        "/jobs/{job}/backfills/{backfill}" => {
            get: schedules::backfill, delete: schedules::drop_backfill
        }
        "/account" => { get: accounts::get }
        "/account/password" => { put: accounts::change_password }
        "/tokens" => { get: tokens::list, post: tokens::create }
        "/tokens/{token}" => { delete: tokens::revoke }
        "/organisations" => { post: accounts::create_organisation }
        "/namespaces/{namespace}/members" => { get: members::list }
        "/namespaces/{namespace}/members/{user}" => { put: members::set, delete: members::remove }
        "/namespaces/{namespace}/members/{user}/accept" => { post: members::accept }
        "/namespaces/{namespace}/audit" => { get: audit::list }
        "/jobs/{job}/execs/{exec}/logs" => { get: logs::read }
        "/jobs/{job}/execs/{exec}/logs/seal" => { get: logs::seal }
        "/jobs/{job}/logs" => { get: logs::of_job }
        "/namespaces/{namespace}/logs" => { get: logs::of_namespace }
        "/namespaces/{namespace}/registries" => { get: registries::list }
        "/namespaces/{namespace}/registries/{registry}" => {
            put: registries::put, delete: registries::delete
        }
    }
}

/// Adds the API.
pub fn configure(config: &mut ServiceConfig) {
    let v1 = web::scope("/v1")
        .wrap(from_fn(authentication::authenticate))
        .configure(private)
        .default_service(web::to(not_found));
    // What is no id names nothing.
    let paths = PathConfig::default().error_handler(|_, _| ApiError::NotFound.into());
    config
        .app_data(PayloadConfig::new(BODY_MAX))
        .app_data(paths)
        .configure(public)
        .service(v1)
        .default_service(web::to(not_found));
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

/// The answer to every other method. `HEAD` has become `GET` before.
fn only(methods: &'static [&'static str]) -> Route {
    web::to(move || async move {
        let allowed = methods.join(", ").replace("get", "get, head");
        let allowed = allowed.to_ascii_uppercase();
        Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allowed))
    })
}
