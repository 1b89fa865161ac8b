//! The parts of a request that handlers are given.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder};

use super::body::{BODY_MAX, Body, refuse};
use super::source::source;
use super::trace::RequestTrace;
use crate::context::Context;
use crate::gateway::Gateway;
use crate::read::query::Query;
use crate::reply::answer::Answer;
use crate::reply::error::ApiError;
use crate::reply::links::{LinkBase, Links};
use crate::tokens::caller::Caller;

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl Context {
    /// `body` is a part of what an idempotency key stands for.
    fn of(request: &HttpRequest, body: &[u8]) -> Result<Self, ApiError> {
        let missing = || ApiError::Internal("a handler behind the authentication".into());
        let gateway = request.app_data::<Data<Gateway>>().ok_or_else(missing)?;
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(missing)?;
        let trace = request.extensions().get::<RequestTrace>().copied();
        Ok(Self {
            gateway: gateway.clone().into_inner(),
            trace: trace.and_then(|trace| trace.of_execs),
            source: source(request, &caller, body)?,
            caller,
        })
    }
}

/// Of a request without a body, or whose body says nothing.
impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request, &[]))
    }
}

/// A request with a body.
pub struct Sent {
    /// Who sent it.
    pub context: Context,
    /// What they sent.
    pub body: Body,
}

/// A request whose body may be left out.
pub struct MaybeSent(pub Sent);

impl Sent {
    fn extract(
        request: &HttpRequest,
        payload: &mut Payload,
        may_be_empty: bool,
    ) -> Extracting<Self> {
        let (request, bytes) = (request.clone(), Bytes::from_request(request, payload));
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| refuse(&error, BODY_MAX))?;
            let body = if may_be_empty && bytes.is_empty() {
                Body::default()
            } else {
                Body::parse(&request, bytes).await?
            };
            let context = Context::of(&request, body.bytes())?;
            Ok(Self { context, body })
        })
    }
}

impl FromRequest for Sent {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        Self::extract(request, payload, false)
    }
}

impl FromRequest for MaybeSent {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let sent = Sent::extract(request, payload, true);
        Box::pin(async { sent.await.map(Self) })
    }
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request.query_string())))
    }
}

impl FromRequest for Links {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let base = request.app_data::<Data<LinkBase>>();
        let base = base.ok_or_else(|| ApiError::Internal("there is no base of links".into()));
        ready(base.map(|base| base.links(request)))
    }
}

/// Says that an answer was given before.
const REPLAYED: &str = "Idempotency-Replayed";

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = actix_web::http::StatusCode::from_u16(self.status);
        let mut response = HttpResponse::build(status.unwrap_or_default());
        if self.replayed {
            response.insert_header((REPLAYED, "true"));
        }
        if self.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(self.body)
    }
}
