//! `calendars`: dates that schedules of a namespace name together. Each schedule keeps
//! a copy of them in its rules, which is replaced here when its calendar changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use crate::schema::{accounts, calendars, jobs, schedules};
use crate::{StoreError, clock};

/// Calendars of one namespace at most.
pub const MAX: i64 = 20;

/// Dates by a name.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = calendars)]
pub struct Calendar {
    /// The name, which is unique in its namespace.
    pub name: String,
    /// Dates, as `recurrence::Exclusions` reads them.
    pub dates: Vec<String>,
    /// When they were last set.
    pub updated_at: DateTime<Utc>,
}

/// What became of a calendar that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is kept, and these jobs have a new generation of their schedule.
    Kept(Calendar, Vec<JobId>),
    /// The namespace has [`MAX`] others.
    Full,
}

/// What became of a calendar that was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Done,
    /// There is none.
    NotFound,
    /// These jobs name it, in order.
    InUse(Vec<JobId>),
}

diesel::define_sql_function! {
    /// Replaces what lies at a path.
    fn jsonb_set(target: Jsonb, path: Array<Text>, value: Jsonb) -> Jsonb;
}
diesel::define_sql_function! {
    /// The array as JSON.
    fn to_jsonb(value: Array<Text>) -> Jsonb;
}

/// Lets nobody change the calendars of a namespace until the transaction ends. Whoever
/// keeps a schedule that names some does this before it reads their dates and before it
/// locks the schedule, as [`put`] does.
pub async fn hold(conn: &mut AsyncPgConnection, namespace: &str) -> Result<(), StoreError> {
    let _: Option<i64> = accounts::table
        .filter(accounts::name.eq(namespace))
        .select(accounts::id)
        .for_share()
        .first(conn)
        .await
        .optional()?;
    Ok(())
}

/// Keeps or replaces a calendar, and begins a new generation of each schedule that
/// names it and whose dates change. Must run in a transaction.
pub async fn put(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    name: &str,
    dates: &[String],
) -> Result<Put, StoreError> {
    // Two at once must not both find the last free place, and no schedule must copy
    // the dates that are being replaced.
    crate::accounts::lock(conn, namespace).await?;
    let others: i64 = calendars::table
        .filter(calendars::namespace.eq(namespace))
        .filter(calendars::name.ne(name))
        .count()
        .get_result(conn)
        .await?;
    if others >= MAX {
        return Ok(Put::Full);
    }
    let users = users(conn, namespace, name).await?;
    // Read when they are locked, as for every edit of a schedule.
    let now = clock::now(conn).await?;
    let kept = (calendars::dates.eq(dates), calendars::updated_at.eq(now));
    let calendar = diesel::insert_into(calendars::table)
        .values((
            calendars::namespace.eq(namespace),
            calendars::name.eq(name),
            kept,
        ))
        .on_conflict((calendars::namespace, calendars::name))
        .do_update()
        .set(kept)
        .returning(Calendar::as_returning())
        .get_result(conn)
        .await?;
    let changed = replace(conn, (name, dates), &users, now).await?;
    Ok(Put::Kept(calendar, changed))
}

/// Puts other dates under a name in the rules of these jobs' schedules.
async fn replace(
    conn: &mut AsyncPgConnection,
    (name, dates): (&str, &[String]),
    users: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<JobId>, StoreError> {
    let path = ["calendars", name];
    let rules = jsonb_set(schedules::rules, path.as_slice(), to_jsonb(dates));
    let changed: Vec<i64> = diesel::update(schedules::table)
        .filter(schedules::job_id.eq_any(users))
        .filter(schedules::rules.ne(rules))
        .set((
            schedules::rules.eq(rules),
            schedules::effective_from.eq(now),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .returning(schedules::job_id)
        .get_results(conn)
        .await?;
    Ok(changed.into_iter().map(JobId).collect())
}

/// The jobs whose schedules name a calendar, in order; their schedules are locked until
/// the transaction ends, and nothing else of them.
async fn users(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    name: &str,
) -> Result<Vec<i64>, StoreError> {
    let of_namespace = jobs::table
        .filter(jobs::namespace.eq(namespace))
        .filter(jobs::deleted_at.is_null())
        .select(jobs::id);
    let named = schedules::rules.retrieve_as_object("calendars");
    Ok(schedules::table
        .filter(schedules::job_id.eq_any(of_namespace))
        .filter(named.has_key(name))
        .order(schedules::job_id)
        .for_update()
        .select(schedules::job_id)
        .load(conn)
        .await?)
}

/// The calendars of a namespace, by name.
pub async fn list(
    conn: &mut AsyncPgConnection,
    namespace: &str,
) -> Result<Vec<Calendar>, StoreError> {
    Ok(calendars::table
        .filter(calendars::namespace.eq(namespace))
        .order(calendars::name)
        .select(Calendar::as_select())
        .load(conn)
        .await?)
}

/// The dates of those of these calendars that there are.
pub async fn dates(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    names: &[&str],
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let found: Vec<(String, Vec<String>)> = calendars::table
        .filter(calendars::namespace.eq(namespace))
        .filter(calendars::name.eq_any(names))
        .select((calendars::name, calendars::dates))
        .load(conn)
        .await?;
    Ok(found.into_iter().collect())
}

/// Deletes a calendar that no job names. Must run in a transaction.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    name: &str,
) -> Result<Deleted, StoreError> {
    crate::accounts::lock(conn, namespace).await?;
    let users = users(conn, namespace, name).await?;
    if !users.is_empty() {
        return Ok(Deleted::InUse(users.into_iter().map(JobId).collect()));
    }
    let deleted = diesel::delete(calendars::table.find((namespace, name)))
        .execute(conn)
        .await?;
    Ok(if deleted == 0 {
        Deleted::NotFound
    } else {
        Deleted::Done
    })
}
