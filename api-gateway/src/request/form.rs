//! A body of texts: a JSON object like all others, or a form. The clients of 2015
//! that log in send forms, of one kind or the other. Only routes that ask for no
//! token take one, so it is held to their limit.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::stream;
use multer::Multipart;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::address::ClientAddress;
use super::body::{Body, PUBLIC_BODY_MAX, refuse};
use crate::gateway::Gateway;
use crate::reply::error::ApiError;

/// A body that may be a form.
pub struct Form(pub Body);

impl FromRequest for Form {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let counted = count(request);
        let (request, bytes) = (request.clone(), Bytes::from_request(request, payload));
        Box::pin(async move {
            counted?;
            let bytes = bytes
                .await
                .map_err(|error| refuse(&error, PUBLIC_BODY_MAX))?;
            let object = match request.content_type() {
                "application/x-www-form-urlencoded" => urlencoded(&bytes),
                "multipart/form-data" => multipart(&request, bytes.clone()).await?,
                _ => return Body::parse(&request, bytes).await.map(Self),
            };
            Ok(Self(Body::new(bytes, object)))
        })
    }
}

/// Counts the attempt before anything of it is read, be it a form or not.
fn count(request: &HttpRequest) -> Result<(), ApiError> {
    let gateway = request.app_data::<Data<Gateway>>();
    let gateway = gateway.ok_or_else(|| ApiError::Internal("there is no gateway".into()))?;
    gateway.limits.password(ClientAddress::of(request))
}

fn urlencoded(bytes: &[u8]) -> Map<String, Value> {
    let pairs = form_urlencoded::parse(bytes).into_owned();
    pairs.map(|(name, text)| (name, text.into())).collect()
}

async fn multipart(request: &HttpRequest, bytes: Bytes) -> Result<Map<String, Value>, ApiError> {
    let malformed =
        |error: multer::Error| ApiError::Malformed(format!("the form cannot be read: {error}"));
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(malformed)?;
    let whole = stream::iter([Ok::<_, Infallible>(bytes)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut object = Map::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        object.insert(name, part.text().await.map_err(malformed)?.into());
    }
    Ok(object)
}
