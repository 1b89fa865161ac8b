//! `jobs` and the intent half of their `schedules`: one row each for a job.

mod list;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecSpec, JobId, ScheduleRules};

mod change;

pub use change::{Hold, delete, get_held, update};

use crate::StoreError;
use crate::schedules::{read_rules, rules_value};
use crate::schema::{jobs, schedules};

pub use list::{JobFilter, JobPage, count, list};

/// A job to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDefinition {
    /// Whose it is.
    pub namespace: String,
    /// For people; need not be unique.
    pub name: String,
    /// Name of the account that made it.
    pub created_by: String,
    /// The region its execs run in.
    pub region: String,
    /// What an exec of it runs.
    pub spec: ExecSpec,
    /// How many of its execs may run at a time.
    pub max_running: Option<u32>,
    /// Whether to mail when an exec ends.
    pub email_enabled: bool,
    /// Text of the schedule as it was given.
    pub schedule_mode: Option<String>,
    /// How the text is read and what its instants do.
    pub schedule_rules: ScheduleRules,
    /// Whether the schedule fires.
    pub schedule_active: bool,
}

/// A job with its schedule's intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Everything its owner said.
    pub definition: JobDefinition,
    /// When the schedule's text was given: where one without a start begins.
    pub schedule_anchor: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its owner last changed it.
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    id: i64,
    namespace: String,
    name: String,
    created_by: String,
    region: String,
    spec: serde_json::Value,
    max_running: Option<i32>,
    email_enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The part of a schedule that is shown with its job.
#[derive(Queryable, Selectable)]
#[diesel(table_name = schedules)]
struct ScheduleRow {
    mode: Option<String>,
    rules: serde_json::Value,
    active: bool,
    anchor: DateTime<Utc>,
}

type JobAndSchedule = (JobRow, ScheduleRow);

/// Writes a job and its schedule: two statements, so the caller brings a
/// transaction.
pub async fn insert(conn: &mut AsyncPgConnection, new: JobDefinition) -> Result<Job, StoreError> {
    let spec = crate::execs::spec_value(&new.spec)?;
    let (id, created_at, updated_at) = diesel::insert_into(jobs::table)
        .values((
            jobs::namespace.eq(&new.namespace),
            jobs::name.eq(&new.name),
            jobs::created_by.eq(&new.created_by),
            jobs::region.eq(&new.region),
            jobs::spec.eq(spec),
            jobs::max_running.eq(stored_limit(new.max_running)),
            jobs::email_enabled.eq(new.email_enabled),
        ))
        .returning((jobs::id, jobs::created_at, jobs::updated_at))
        .get_result::<(i64, _, _)>(conn)
        .await?;
    let schedule_anchor = diesel::insert_into(schedules::table)
        .values((
            schedules::job_id.eq(id),
            schedules::mode.eq(&new.schedule_mode),
            schedules::rules.eq(rules_value(&new.schedule_rules)?),
            schedules::active.eq(new.schedule_active),
        ))
        .returning(schedules::anchor)
        .get_result(conn)
        .await?;
    Ok(Job {
        id: JobId(id),
        definition: new,
        schedule_anchor,
        created_at,
        updated_at,
    })
}

/// A number of execs as it is kept.
fn stored_limit(limit: Option<u32>) -> Option<i32> {
    limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

/// A job, unless it was deleted.
pub async fn get(conn: &mut AsyncPgConnection, id: JobId) -> Result<Option<Job>, StoreError> {
    let row: Option<JobAndSchedule> = jobs::table
        .inner_join(schedules::table)
        .filter(jobs::id.eq(id.0))
        .filter(jobs::deleted_at.is_null())
        .select((JobRow::as_select(), ScheduleRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    row.map(Job::try_from).transpose()
}

impl TryFrom<JobAndSchedule> for Job {
    type Error = StoreError;

    fn try_from((row, schedule): JobAndSchedule) -> Result<Self, StoreError> {
        // The value may hold secrets, so the error names the row instead.
        let spec = serde_json::from_value(row.spec).map_err(|_| StoreError::Unknown {
            what: "form of spec in job",
            value: row.id.to_string(),
        })?;
        Ok(Self {
            id: JobId(row.id),
            definition: JobDefinition {
                namespace: row.namespace,
                name: row.name,
                created_by: row.created_by,
                region: row.region,
                spec,
                max_running: row.max_running.and_then(|limit| limit.try_into().ok()),
                email_enabled: row.email_enabled,
                schedule_mode: schedule.mode,
                schedule_rules: read_rules(schedule.rules, JobId(row.id))?,
                schedule_active: schedule.active,
            },
            schedule_anchor: schedule.anchor,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
