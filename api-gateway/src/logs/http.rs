//! `/v1/jobs/{job}/execs/{exec}/logs`.

use actix_web::http::header::{
    self, Accept, AcceptEncoding, ContentEncoding, Encoding, Header as _,
};
use actix_web::mime::{self, Mime};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use futures::{StreamExt, stream};
use serde_json::json;
use shared_types::{ExecId, JobId};
use utoipa::openapi::schema::ArrayBuilder;

use crate::context::Context;
use crate::logs;
use crate::logs::body::Body;
use crate::logs::lines::Format;
use crate::logs::selection::Selection;
use crate::openapi::parameters::ExecPath;
use crate::openapi::types::{self, answer, document};
use crate::read::query::Query;
use crate::reply::error::ApiError;

/// The lines of a log.
#[derive(Debug)]
pub struct LogLines;

document!(
    LogLines,
    "LogLines",
    ArrayBuilder::new()
        .items(answer([
            ("message", types::text("The line").into()),
            ("time", types::number(0, u32::MAX, "Unix seconds").into()),
        ]))
        .examples([json!([
            {
                "message": "Start pulling image: registry.example.com/chennanfei/job_demo:trusty",
                "time": 1_451_350_944,
            },
            { "message": "Start running!", "time": 1_451_350_945 },
        ])])
);

/// Whether the exec has ended and all that its node kept of its log is in the answer.
const COMPLETE: &str = "X-Log-Complete";

/// Whether the program's last line has no newline. What a node lost at the end leaves
/// no other trace.
const ENDS_MID_LINE: &str = "X-Log-Ends-Mid-Line";

/// Read the log of an exec
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}/logs",
    tag = "logs",
    params(ExecPath, Selection),
    responses((
        status = 200,
        description = "The lines so far",
        content((LogLines = "application/json"), (String = "text/plain")),
        headers(
            ("X-Log-Complete" = bool,
                description = "Whether it has ended and this is all that its node kept"),
            ("X-Log-Ends-Mid-Line" = bool,
                description = "Whether it has ended and the last line has no newline"),
        ),
    ))
)]
pub async fn read(
    context: Context,
    request: HttpRequest,
    query: Query,
    ids: Path<(JobId, ExecId)>,
) -> Result<HttpResponse, ApiError> {
    let selection = Selection::parse(&query)?;
    let (format, as_gzip) = (preferred(&request), takes_gzip(&request));
    let log = logs::open(&context, *ids, (selection, format)).await?;
    let word = |holds| if holds { "true" } else { "false" };
    let (complete, ends_mid_line) = (word(log.is_complete()), word(log.ends_mid_line()));
    let mut body = Body::new(log, as_gzip);
    // The first block decides between an answer and an error.
    let first = body.block().await?.map(Ok);
    let body = stream::iter(first).chain(stream::unfold(Some(body), Body::next));
    let mut answer = HttpResponse::Ok();
    if as_gzip {
        answer.insert_header(ContentEncoding::Gzip);
    }
    Ok(answer
        .content_type(match format {
            Format::Json => "application/json",
            Format::Text => "text/plain; charset=utf-8",
        })
        .insert_header((header::VARY, "Accept, Accept-Encoding"))
        .insert_header((COMPLETE, complete))
        .insert_header((ENDS_MID_LINE, ends_mid_line))
        .streaming(body))
}

/// Text for who asks for it; whoever does not say so understands what clients of 2015 do.
fn preferred(request: &HttpRequest) -> Format {
    let accepted = Accept::parse(request).map_or_else(|_| Vec::new(), |accept| accept.ranked());
    let format = |one: &Mime| match (one.type_(), one.subtype()) {
        (mime::TEXT, mime::PLAIN | mime::STAR) => Some(Format::Text),
        (mime::STAR, _) | (mime::APPLICATION, mime::JSON | mime::STAR) => Some(Format::Json),
        _ => None,
    };
    accepted.iter().find_map(format).unwrap_or(Format::Json)
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let ours = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok();
    let chosen = accepted.and_then(|accepted| accepted.negotiate(ours.iter()));
    chosen == Some(Encoding::gzip())
}
