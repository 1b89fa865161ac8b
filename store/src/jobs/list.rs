//! Lists of jobs, by key in every order that an index answers.

use chrono::{DateTime, Utc};
use diesel::dsl::{InnerJoin, IntoBoxed};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use super::{Job, JobAndSchedule, JobRow, ScheduleRow};
use crate::StoreError;
use crate::page::{Page, Rows, load_page};
use crate::schema::{jobs, schedules};

/// Which jobs of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Whose they are.
    pub namespace: String,
    /// Of exactly this name.
    pub name: Option<String>,
    /// Of this region.
    pub region: Option<String>,
    /// With a schedule that fires, or without.
    pub schedule_active: Option<bool>,
    /// Made at this instant or later.
    pub created_after: Option<DateTime<Utc>>,
    /// Made before this instant.
    pub created_before: Option<DateTime<Utc>>,
}

impl JobFilter {
    /// All jobs of a namespace.
    pub fn of(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..Self::default()
        }
    }
}

/// A page of jobs, in one of their orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobPage {
    /// By number, which is the order of creation.
    ByCreation(Page<JobId>),
    /// By name as the database collates it, then by number.
    ByName(Page<(String, JobId)>),
    /// By the owner's last change, then by number.
    ByUpdate(Page<(DateTime<Utc>, JobId)>),
}

/// The jobs of a page.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &JobFilter,
    page: JobPage,
) -> Result<Rows<Job>, StoreError> {
    let columns = (JobRow::as_select(), ScheduleRow::as_select());
    let query = || filtered(filter);
    let size = jobs::bytes + schedules::bytes;
    let page: Rows<JobAndSchedule> = match page {
        JobPage::ByCreation(page) => load_page!(query(), columns, (jobs::id), page, conn, size),
        JobPage::ByName(page) => {
            load_page!(query(), columns, (jobs::name, jobs::id), page, conn, size)
        }
        JobPage::ByUpdate(page) => {
            load_page!(
                query(),
                columns,
                (jobs::updated_at, jobs::id),
                page,
                conn,
                size
            )
        }
    }?;
    page.try_map(Job::try_from)
}

/// How many jobs pass the filter, exactly.
pub async fn count(conn: &mut AsyncPgConnection, filter: &JobFilter) -> Result<i64, StoreError> {
    let count = filtered(filter).count().get_result(conn).await?;
    Ok(count)
}

/// Boxed, because which conditions there are is known only now.
fn filtered(filter: &JobFilter) -> IntoBoxed<'_, InnerJoin<jobs::table, schedules::table>, Pg> {
    let mut query = jobs::table.inner_join(schedules::table).into_boxed();
    query = query
        .filter(jobs::namespace.eq(&filter.namespace))
        .filter(jobs::deleted_at.is_null());
    if let Some(name) = &filter.name {
        query = query.filter(jobs::name.eq(name));
    }
    if let Some(region) = &filter.region {
        query = query.filter(jobs::region.eq(region));
    }
    if let Some(active) = filter.schedule_active {
        query = query.filter(schedules::active.eq(active));
    }
    if let Some(instant) = filter.created_after {
        query = query.filter(jobs::created_at.ge(instant));
    }
    if let Some(instant) = filter.created_before {
        query = query.filter(jobs::created_at.lt(instant));
    }
    query
}
