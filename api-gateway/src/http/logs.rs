//! `/v1/jobs/{job}/execs/{exec}/logs`.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures::{StreamExt, stream};

use super::execs::ids;
use super::query::Query;
use super::request_log::causes;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::fields::FieldError;
use crate::gateway::Gateway;
use crate::logs::{self, LogReader};
use crate::window::Window;

/// Whether the exec has ended and all of its log is in the answer.
const COMPLETE: &str = "X-Log-Complete";

/// `GET /v1/jobs/{job}/execs/{exec}/logs?start_time=&end_time=`
pub async fn read(
    gateway: web::Data<Gateway>,
    caller: web::ReqData<Caller>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let window = window(&Query::of(&request)).map_err(ApiError::Invalid)?;
    let mut log = logs::open(&gateway, &caller, ids(&path)?, window).await?;
    let complete = if log.is_complete() { "true" } else { "false" };
    // The first block decides between an answer and an error.
    let first = log.step().await?.map(|block| Ok(Bytes::from(block)));
    let body = stream::iter(first).chain(stream::unfold(Some(log), next_block));
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((COMPLETE, complete))
        .streaming(body))
}

/// The answer has begun, so an error can only cut it off, which leaves an array
/// that no client takes for whole.
async fn next_block(
    log: Option<LogReader>,
) -> Option<(Result<Bytes, ApiError>, Option<LogReader>)> {
    let mut log = log?;
    match log.step().await {
        Ok(block) => Some((Ok(block?.into()), Some(log))),
        Err(error) => {
            tracing::error!(error = causes(&error), "a log could not be read to its end");
            Some((Err(error), None))
        }
    }
}

fn window(query: &Query) -> Result<Window, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut read = |name: &str, parse: fn(&str) -> Result<_, String>| {
        let result = query.get(name).map(parse).transpose();
        result.unwrap_or_else(|message| {
            errors.push(FieldError::new(name, message));
            None
        })
    };
    let window = Window {
        since: read("start_time", Window::start),
        until: read("end_time", Window::end),
    };
    if errors.is_empty() {
        Ok(window)
    } else {
        Err(errors)
    }
}
