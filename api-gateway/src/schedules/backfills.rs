//! Backfills: planned instants of a range, run after the fact.

pub mod view;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use shared_types::{JobId, schedule};
use store::access::Access;
use store::backfills::{self, Backfill, BackfillId, NewBackfill};
use store::jobs::Job;
use store::page::Count;
use store::{PgConnection, schedules};

use self::view::BackfillView;
use crate::context::Context;
use crate::jobs;
use crate::openapi::types::{self, document};
use crate::read::fields::{FieldError, Fields};
use crate::read::instant;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{Params, parameters};
use crate::read::query::Query;
use crate::read::rule::{Rule, number};
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::write::{Act, Announcement, Written};

const RATE_DEFAULT: u32 = 10;
const CAP_DEFAULT: u32 = 100;

/// A range to be run, checked as far as it can be without its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillDraft {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    per_minute: u32,
    max_execs: u32,
}

impl BackfillDraft {
    /// Reads a body.
    pub fn parse(body: &Map<String, Value>, now: DateTime<Utc>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, |fields| Self::read(fields, now))
    }

    fn read(fields: &mut Fields<'_>, now: DateTime<Utc>) -> Option<Self> {
        let from = past("The first instant that may be run", "2015-12-01T00:00:00Z");
        let from = fields.required("from", from);
        let to = "The end of the range, not included, and not in the future";
        let to = fields.required("to", past(to, "2015-12-02T00:00:00Z"));
        let rate = number(1..=600, "Execs a minute at most; 10 if left out");
        let per_minute = fields.defaulting("per_minute", rate, || Ok(RATE_DEFAULT));
        let cap = "Refused if the range has more instants; 100 if left out";
        let cap = number(1..=10_000, cap);
        let max_execs = fields.defaulting("max_execs", cap, || Ok(CAP_DEFAULT));
        if let (Some(from), Some(to)) = (from, to) {
            if to > now {
                fields.refuse(
                    "to",
                    "must not be in the future: those instants will run by themselves",
                );
            } else if to <= from {
                fields.refuse("to", "must be after from");
            }
        }
        Some(Self {
            from: from?,
            to: to?,
            per_minute: per_minute?,
            max_execs: max_execs?,
        })
    }
}

document!(
    BackfillDraft,
    "NewBackfill",
    Fields::schema(|fields| Self::read(fields, Utc::now()))
);

fn past(description: &'static str, example: &'static str) -> Rule<'static, DateTime<Utc>> {
    let schema = move || types::format("past", description, example);
    Rule::text(schema, instant::parse)
}

/// Asks for a range to be run.
pub async fn create(context: &Context, job: JobId, draft: BackfillDraft) -> Reply {
    let job = jobs::get(context, Access::Trigger, job).await?;
    let by = context.caller.name().to_owned();
    context
        .write(move |conn| {
            Box::pin(async move {
                let new = planned(conn, job.id, draft, by).await?;
                let backfill = backfills::insert(conn, &new).await?;
                let answer = Answer::created(&BackfillView::from(&backfill))?;
                let act = act(&job, backfill.id, "backfill.create");
                Ok(Written::new(answer, act).announcing([Announcement::schedule_changed(job.id)]))
            })
        })
        .await
}

/// The range by the schedule as it is now.
async fn planned(
    conn: &mut PgConnection,
    job_id: JobId,
    draft: BackfillDraft,
    created_by: String,
) -> Result<NewBackfill, ApiError> {
    let schedule = schedules::get(conn, job_id).await?;
    let revision = schedule.ok_or(ApiError::NotFound)?.revision;
    let mode = revision.mode.as_deref();
    let read = mode.map(|mode| schedule::recurrence(mode, &revision.rules, revision.anchor));
    let Some(Ok(recurrence)) = read else {
        return Err(conflict("the job has no schedule_mode"));
    };
    let count = recurrence.count_between(draft.from, draft.to).planned;
    if count == 0 {
        return Err(conflict("the schedule has no planned instant in the range"));
    }
    if count > draft.max_execs.into() {
        let max = draft.max_execs;
        let why = format!("the range has {count} planned instants, and max_execs is {max}");
        return Err(conflict(&why));
    }
    Ok(NewBackfill {
        job_id,
        generation: revision.generation,
        from_at: draft.from,
        to_at: draft.to,
        per_minute: i32::try_from(draft.per_minute).unwrap_or(i32::MAX),
        count: i64::try_from(count).unwrap_or(i64::MAX),
        created_by,
    })
}

/// The request is right; what the job has planned does not go with it.
fn conflict(why: &str) -> ApiError {
    ApiError::Conflict {
        kind: "range-not-backfillable",
        title: "Range cannot be backfilled",
        detail: why.to_owned(),
    }
}

/// Says that the rest of a backfill is not wanted.
pub async fn drop(context: &Context, (job, id): (JobId, BackfillId)) -> Reply {
    let job = jobs::get(context, Access::Trigger, job).await?;
    context
        .write(move |conn| {
            Box::pin(async move {
                let dropped = backfills::drop(conn, job.id, id).await?;
                let dropped = dropped.ok_or(ApiError::NotFound)?;
                let answer = Answer::ok(&BackfillView::from(&dropped))?;
                Ok(Written::new(answer, act(&job, id, "backfill.drop")))
            })
        })
        .await
}

/// A backfill of a job.
pub async fn get(context: &Context, (job, id): (JobId, BackfillId)) -> Result<Backfill, ApiError> {
    jobs::get(context, Access::Read, job).await?;
    let mut conn = context.connection().await?;
    let found = backfills::get(&mut conn, job, id).await?;
    found.ok_or(ApiError::NotFound)
}

/// A page of the backfills of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillList {
    job: JobId,
    page: PageRequest<BackfillId>,
}

impl BackfillList {
    /// Reads a query.
    pub fn parse(query: &Query, job: JobId) -> Result<Self, Vec<FieldError>> {
        Params::read(query, |params| Self::read(params, job))
    }

    fn read(params: &mut Params<'_>, job: JobId) -> Self {
        let sort = Sort::read(params, &[Sort::NEWEST.field]);
        let page = PageRequest::read(params, sort);
        Self { job, page }
    }

    /// The backfills, and how many there are on all pages.
    pub async fn load(self, context: &Context) -> Result<(Count, Cut<Backfill>), ApiError> {
        jobs::get(context, Access::Read, self.job).await?;
        let mut conn = context.connection().await?;
        let count = backfills::count(&mut conn, self.job).await?;
        let rows = backfills::list(&mut conn, self.job, self.page.query()).await?;
        Ok((count, self.page.cut(rows, |backfill| backfill.id)))
    }
}

parameters!(BackfillList, |params| BackfillList::read(params, JobId(0)));

fn act(job: &Job, id: BackfillId, action: &'static str) -> Act {
    let resource = format!("jobs/{}/backfills/{}", job.id, id.0);
    Act::new(&job.definition.namespace, action, resource)
}
