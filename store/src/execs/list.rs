//! Lists of a job's execs. A job may have millions, so a page is found by key
//! and counting stops somewhere.

use chrono::{DateTime, Utc};
use diesel::dsl::IntoBoxed;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, ExecState, JobId, TriggerMode};

use super::{Exec, ExecRow};
use crate::StoreError;
use crate::page::{Count, CountOf, Page, Rows, load_page};
use crate::schema::{exec_counts, execs};

/// What orders execs: their creation, then their id.
pub type ExecKey = (DateTime<Utc>, ExecId);

/// Which execs of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecFilter {
    /// The job.
    pub job: JobId,
    /// In one of these states; none means any.
    pub states: Vec<ExecState>,
    /// Asked for in this way.
    pub trigger_mode: Option<TriggerMode>,
    /// Of this region.
    pub region: Option<String>,
    /// Triggered at this instant or later.
    pub created_after: Option<DateTime<Utc>>,
    /// Triggered before this instant.
    pub created_before: Option<DateTime<Utc>>,
}

impl ExecFilter {
    /// All execs of a job.
    pub fn of(job: JobId) -> Self {
        Self {
            job,
            states: Vec::new(),
            trigger_mode: None,
            region: None,
            created_after: None,
            created_before: None,
        }
    }
}

/// The execs of a page.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &ExecFilter,
    page: Page<ExecKey>,
) -> Result<Rows<Exec>, StoreError> {
    let columns = ExecRow::as_select();
    let page: Rows<ExecRow> = load_page!(
        filtered(filter),
        columns,
        (execs::created_at, execs::id),
        page,
        conn,
        execs::bytes
    )?;
    page.try_map(Exec::try_from)
}

/// How many execs pass the filter: exact without one, otherwise up to
/// [`COUNTED`](crate::page::COUNTED).
pub async fn count(conn: &mut AsyncPgConnection, filter: &ExecFilter) -> Result<Count, StoreError> {
    if *filter == ExecFilter::of(filter.job) {
        let stripes: Vec<i64> = exec_counts::table
            .filter(exec_counts::job_id.eq(filter.job.0))
            .select(exec_counts::count)
            .load(conn)
            .await?;
        return Ok(Count::exact(stripes.iter().sum()));
    }
    let rows = filtered(filter).select(execs::id).limit(Count::LIMIT);
    Ok(Count::up_to(CountOf(rows).get_result(conn).await?))
}

/// Boxed, because which conditions there are is known only now.
fn filtered(filter: &ExecFilter) -> IntoBoxed<'_, execs::table, Pg> {
    let mut query = execs::table
        .filter(execs::job_id.eq(filter.job.0))
        .filter(execs::deleted_at.is_null())
        .into_boxed();
    query = match filter.states.as_slice() {
        [] => query,
        // As an equality, so that the index by state also gives the order.
        [state] => query.filter(execs::state.eq(state.as_str())),
        states => query.filter(execs::state.eq_any(states.iter().map(|state| state.as_str()))),
    };
    if let Some(mode) = filter.trigger_mode {
        query = query.filter(execs::trigger_mode.eq(mode.letter()));
    }
    if let Some(region) = &filter.region {
        query = query.filter(execs::region.eq(region));
    }
    if let Some(instant) = filter.created_after {
        query = query.filter(execs::created_at.ge(instant));
    }
    if let Some(instant) = filter.created_before {
        query = query.filter(execs::created_at.lt(instant));
    }
    query
}
