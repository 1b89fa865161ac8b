//! `/v1/schedules`, `/v1/jobs/{job}/slots` and `/v1/jobs/{job}/backfills`.

use actix_web::web::Path;
use chrono::Utc;
use shared_types::JobId;
use store::access::Access;
use store::backfills::BackfillId;

use crate::context::Context;
use crate::openapi::parameters::{BackfillPath, JobPath};
use crate::read::query::Query;
use crate::reply::answer::{Answer, Reply};
use crate::reply::envelope::Envelope;
use crate::reply::error::ApiError;
use crate::reply::links::Links;
use crate::request::context::Sent;
use crate::schedules::backfills::view::BackfillView;
use crate::schedules::backfills::{self, BackfillDraft, BackfillList};
use crate::schedules::calendars;
use crate::schedules::preview::{Preview, PreviewRequest};
use crate::schedules::slots::{SlotList, SlotView};
use crate::write::Written;

type SlotPage = Envelope<SlotView>;
type BackfillPage = Envelope<BackfillView<'static>>;

/// Ask when a schedule would run
#[utoipa::path(
    post,
    path = "/v1/schedules/preview",
    tag = "schedules",
    request_body = PreviewRequest,
    responses((status = 200, description = "Its next runs", body = Preview))
)]
pub async fn preview(Sent { context, body }: Sent) -> Reply {
    let now = Utc::now();
    let mut asked = PreviewRequest::parse(&body, &context.gateway.catalog, now)?;
    let namespace = asked.namespace.as_deref().unwrap_or(context.caller.name());
    let namespace = namespace.to_owned();
    context.may(Access::Read, &namespace)?;
    // Written only to answer the same again under an idempotency key.
    let preview = context.write(move |conn| {
        Box::pin(async move {
            calendars::fill_in(conn, &namespace, &mut asked.rules).await?;
            let preview = asked.preview(now);
            let preview = preview.map_err(|error| ApiError::Internal(error.into()))?;
            Ok(Written {
                answer: Answer::ok(&preview)?,
                audit: Vec::new(),
                announcements: Vec::new(),
            })
        })
    });
    preview.await
}

/// List what became of the planned instants of a job
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/slots",
    tag = "schedules",
    params(JobPath, SlotList),
    responses((status = 200, description = "A page", body = SlotPage))
)]
pub async fn slots(context: Context, links: Links, job: Path<JobId>, query: Query) -> Reply {
    let list = SlotList::parse(&query, *job)?;
    let (count, page) = list.load(&context, Utc::now()).await?;
    let results = page.rows.iter().map(SlotView::from).collect();
    Answer::ok(&links.envelope((count, &page), results))
}

/// List the backfills of a job
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/backfills",
    tag = "schedules",
    params(JobPath, BackfillList),
    responses((status = 200, description = "A page", body = BackfillPage))
)]
pub async fn backfills(context: Context, links: Links, job: Path<JobId>, query: Query) -> Reply {
    let list = BackfillList::parse(&query, *job)?;
    let (count, page) = list.load(&context).await?;
    let results = page.rows.iter().map(BackfillView::from).collect();
    Answer::ok(&links.envelope((count, &page), results))
}

/// Run the planned instants of a range after the fact
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/backfills",
    tag = "schedules",
    params(JobPath),
    request_body = BackfillDraft,
    responses((status = 201, description = "The backfill", body = BackfillView))
)]
pub async fn create_backfill(Sent { context, body }: Sent, job: Path<JobId>) -> Reply {
    let draft = BackfillDraft::parse(&body, Utc::now())?;
    backfills::create(&context, *job, draft).await
}

/// Read a backfill
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/backfills/{backfill}",
    tag = "schedules",
    params(BackfillPath),
    responses((status = 200, description = "The backfill", body = BackfillView))
)]
pub async fn backfill(context: Context, ids: Path<(JobId, BackfillId)>) -> Reply {
    let backfill = backfills::get(&context, *ids).await?;
    Answer::ok(&BackfillView::from(&backfill))
}

/// Drop what a backfill has not run yet
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}/backfills/{backfill}",
    tag = "schedules",
    params(BackfillPath),
    responses((status = 200, description = "The backfill", body = BackfillView))
)]
pub async fn drop_backfill(context: Context, ids: Path<(JobId, BackfillId)>) -> Reply {
    backfills::drop(&context, *ids).await
}
