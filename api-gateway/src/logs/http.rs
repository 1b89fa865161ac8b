//! `/v1/jobs/{job}/execs/{exec}/logs`.

use actix_web::http::header::{
    self, Accept, AcceptEncoding, ContentEncoding, Encoding, Header as _,
};
use actix_web::mime::{self, Mime};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::{StreamExt, stream};
use shared_types::{ExecId, JobId};
use store::access::Access;
use store::execs::Owner;

use crate::context::Context;
use crate::logs::body::{Body, Encoder};
use crate::logs::entry::{Format, LineWriter};
use crate::logs::follow::{self, Follow, Has};
use crate::logs::page::Room;
use crate::logs::schema::{FoundLines, LogLines};
use crate::logs::seal::{SealQuery, SealView};
use crate::logs::search::Search;
use crate::logs::selection::Selection;
use crate::openapi::parameters::{ExecPath, JobPath, NamespacePath};
use crate::read::query::Query;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::reply::links::Links;
use crate::{jobs, logs};

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
    params(
        ExecPath,
        Selection,
        ("Last-Event-ID" = Option<String>, Header,
            description = "With `follow`: the id of the last event a client has"),
    ),
    responses((
        status = 200,
        description = "The lines so far; with `follow` those to come, too",
        content(
            (LogLines = "application/json"),
            (String = "text/plain"),
            (String = "text/event-stream"),
        ),
        headers(
            ("X-Log-Complete" = bool,
                description = "Whether it has ended and this is all that its node kept"),
            ("X-Log-Ends-Mid-Line" = bool,
                description = "Whether it has ended and the last line has no newline"),
            ("Link" = String,
                description = "With `limit`: `<URL>; rel=\"next\"`, unless this was all for good"),
        ),
    ), (
        status = 204,
        description = "With `follow`: the client has the last event",
    ))
)]
pub async fn read(
    context: Context,
    links: Links,
    request: HttpRequest,
    query: Query,
    ids: Path<(JobId, ExecId)>,
) -> Result<HttpResponse, ApiError> {
    let mut selection = Selection::parse(&query)?;
    if selection.follow {
        match Has::said(&request)? {
            Has::Nothing => {}
            Has::Before(position) => selection.from = Some(position),
            Has::Everything => return Ok(HttpResponse::NoContent().finish()),
        }
        let follow = follow::open(&context, *ids, selection).await?;
        return Ok(answer_of(Format::Events, false)
            // nginx would hold events back until there are many.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(stream::unfold(follow, Follow::next)));
    }
    let (format, as_gzip) = (preferred(&request), takes_gzip(&request));
    let mut log = logs::open(&context, *ids, &selection).await?;
    let mut writer = LineWriter::new(format, selection.strip);
    let encoder = Encoder::new(as_gzip);
    let mut answer = answer_of(format, as_gzip);
    let word = |holds| if holds { "true" } else { "false" };
    answer
        .insert_header((COMPLETE, word(log.is_complete())))
        .insert_header((ENDS_MID_LINE, word(log.ends_mid_line())));
    let Some(limit) = selection.limit else {
        let mut body = Body::new(log, writer, encoder);
        // The first block decides between an answer and an error.
        let first = body.block().await?.map(Ok);
        let body = stream::iter(first).chain(stream::unfold(Some(body), Body::next));
        return Ok(answer.streaming(body));
    };
    if let Some(next) = Room::of(limit).fill(&mut log, &mut writer).await? {
        answer.insert_header((header::LINK, links.next(&next.to_string())));
    }
    writer.close();
    Ok(answer.body(encoder.whole(writer.take())?))
}

/// Read what is known of the log of an exec
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}/logs/seal",
    tag = "logs",
    params(ExecPath, SealQuery),
    responses((status = 200, description = "How much there is, and what is missing", body = SealView))
)]
pub async fn seal(context: Context, ids: Path<(JobId, ExecId)>, query: Query) -> Reply {
    let query = SealQuery::parse(&query)?;
    Answer::ok(&logs::seal::seal(&context, *ids, query).await?)
}

/// Read lines of the logs of a job's execs
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/logs",
    tag = "logs",
    params(JobPath, Search),
    responses((
        status = 200,
        description = "A page, the newest exec first",
        content((FoundLines = "application/json"), (String = "text/plain")),
        headers(("Link" = String, description = "`<URL>; rel=\"next\"`, if there may be more")),
    ))
)]
pub async fn of_job(
    context: Context,
    links: Links,
    request: HttpRequest,
    query: Query,
    job: Path<JobId>,
) -> Result<HttpResponse, ApiError> {
    let search = Search::parse(&query)?;
    let job = jobs::get(&context, Access::Read, *job).await?;
    found(&context, &links, (&request, &search), &Owner::Job(job.id)).await
}

/// Read lines of the logs of a namespace's execs
#[utoipa::path(
    get,
    path = "/v1/namespaces/{namespace}/logs",
    tag = "logs",
    params(NamespacePath, Search),
    responses((
        status = 200,
        description = "A page, the newest exec first",
        content((FoundLines = "application/json"), (String = "text/plain")),
        headers(("Link" = String, description = "`<URL>; rel=\"next\"`, if there may be more")),
    ))
)]
pub async fn of_namespace(
    context: Context,
    links: Links,
    request: HttpRequest,
    query: Query,
    namespace: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let search = Search::parse(&query)?;
    context.may(Access::Read, &namespace)?;
    let owner = Owner::Namespace(namespace.into_inner());
    found(&context, &links, (&request, &search), &owner).await
}

async fn found(
    context: &Context,
    links: &Links,
    (request, search): (&HttpRequest, &Search),
    owner: &Owner,
) -> Result<HttpResponse, ApiError> {
    let (format, as_gzip) = (preferred(request), takes_gzip(request));
    let mut writer = LineWriter::new(format, search.strip);
    let next = search.page(context, owner, &mut writer).await?;
    let mut answer = answer_of(format, as_gzip);
    if let Some(next) = next {
        answer.insert_header((header::LINK, links.next(&next.cursor())));
    }
    writer.close();
    Ok(answer.body(Encoder::new(as_gzip).whole(writer.take())?))
}

fn answer_of(format: Format, as_gzip: bool) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    if as_gzip {
        answer.insert_header(ContentEncoding::Gzip);
    }
    answer
        .content_type(match format {
            Format::Json => "application/json",
            Format::Text => "text/plain; charset=utf-8",
            Format::Events => "text/event-stream",
        })
        .insert_header((header::VARY, "Accept, Accept-Encoding"));
    answer
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
