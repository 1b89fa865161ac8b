//! `/v1/jobs/{job}/execs`.

use actix_web::HttpRequest;
use actix_web::web::Path;
use chrono::Utc;
use shared_types::{ExecId, JobId};
use store::access::Access;

use crate::context::Context;
use crate::execs;
use crate::execs::attempts::AttemptView;
use crate::execs::list::ExecList;
use crate::execs::overrides::Overrides;
use crate::execs::timeline::{self, EntryView};
use crate::execs::view::{ExecDetail, ExecView};
use crate::openapi::parameters::{ExecPath, JobPath};
use crate::openapi::types::document;
use crate::read::fields::Fields;
use crate::read::query::Query;
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::Links;
use crate::request::body::Body;
use crate::request::connection::gone;
use crate::request::context::{MaybeSent, Sent};
use crate::request::wait::{WaitQuery, wait_time};

type ExecPage = Envelope<ExecView<'static>>;
type AttemptList = Envelope<AttemptView<'static>>;
type Timeline = Envelope<EntryView>;

/// A body without fields.
#[derive(Debug)]
pub struct Nothing;

document!(Nothing, "Nothing", Fields::schema(|_| Some(())));

/// Trigger a job
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs",
    tag = "execs",
    params(JobPath),
    request_body = Option<Overrides>,
    responses((status = 201, description = "The exec, which waits", body = ExecView))
)]
pub async fn trigger(MaybeSent(Sent { context, body }): MaybeSent, job: Path<JobId>) -> Reply {
    let overrides = Overrides::parse(&body, &context.gateway.catalog)?;
    execs::trigger(&context, *job, overrides).await
}

/// List the execs of a job
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs",
    tag = "execs",
    operation_id = "list",
    params(JobPath, ExecList),
    responses((status = 200, description = "A page", body = ExecPage))
)]
pub async fn list(context: Context, links: Links, job: Path<JobId>, query: Query) -> Reply {
    let list = ExecList::parse(&query, *job)?;
    let answer = context.aside(move |context| async move {
        let (count, page) = list.load(&context).await?;
        let results = page.rows.iter().map(ExecView::from).collect();
        Answer::ok(&links.envelope((count, &page), results))
    });
    answer.await
}

/// Read an exec, or wait for its end
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}",
    tag = "execs",
    params(ExecPath, WaitQuery),
    responses((status = 200, description = "The exec with its job", body = ExecDetail))
)]
pub async fn get(
    context: Context,
    ids: Path<(JobId, ExecId)>,
    query: Query,
    request: HttpRequest,
) -> Reply {
    let (job, exec) = match wait_time(&query)? {
        Some(time) => execs::wait(&context, *ids, (time, gone(&request))).await?,
        None => execs::get(&context, Access::Read, *ids).await?,
    };
    let wait = execs::waits_for(&context, &exec).await?;
    Answer::ok(&ExecDetail::new((&exec, &job), wait.as_ref(), Utc::now()))
}

/// List the attempts of an exec
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}/attempts",
    tag = "execs",
    params(ExecPath),
    responses((status = 200, description = "All of them, in order", body = AttemptList))
)]
pub async fn attempts(context: Context, ids: Path<(JobId, ExecId)>) -> Reply {
    let (_, exec) = execs::get(&context, Access::Read, *ids).await?;
    let mut conn = context.connection().await?;
    let attempts = store::execs::attempts(&mut conn, exec.id).await?;
    let attempts = attempts.iter().map(AttemptView::from).collect();
    Answer::ok(&Envelope::whole(attempts))
}

/// Read what happened to an exec
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/execs/{exec}/timeline",
    tag = "execs",
    params(ExecPath),
    responses((status = 200, description = "All entries, in order", body = Timeline))
)]
pub async fn timeline(context: Context, ids: Path<(JobId, ExecId)>) -> Reply {
    let (_, exec) = execs::get(&context, Access::Read, *ids).await?;
    let mut conn = context.connection().await?;
    let events = store::events::list(&mut conn, exec.id).await?;
    let streams = store::logs::list(&mut conn, exec.id).await?;
    Answer::ok(&Timeline::whole(timeline::timeline(
        &exec, events, &streams,
    )))
}

/// Delete an exec
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}/execs/{exec}",
    tag = "execs",
    params(ExecPath),
    responses((status = 204, description = "Deleted; if it runs, it is asked to end"))
)]
pub async fn delete(context: Context, ids: Path<(JobId, ExecId)>) -> Reply {
    execs::delete(&context, *ids).await
}

/// Ask an exec to end
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs/{exec}/cancel",
    tag = "execs",
    params(ExecPath),
    request_body = Option<Nothing>,
    responses((status = 202, description = "It is asked to end", body = ExecView))
)]
pub async fn cancel(
    MaybeSent(Sent { context, body }): MaybeSent,
    ids: Path<(JobId, ExecId)>,
) -> Reply {
    takes_nothing(&body)?;
    execs::cancel(&context, *ids).await
}

/// Run an exec again as it was
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/execs/{exec}/rerun",
    tag = "execs",
    params(ExecPath),
    request_body = Option<Nothing>,
    responses((status = 201, description = "The new exec", body = ExecView))
)]
pub async fn rerun(
    MaybeSent(Sent { context, body }): MaybeSent,
    ids: Path<(JobId, ExecId)>,
) -> Reply {
    takes_nothing(&body)?;
    execs::rerun(&context, *ids).await
}

fn takes_nothing(body: &Body) -> Result<(), ApiError> {
    Ok(Fields::read(body, |_| Some(()))?)
}
