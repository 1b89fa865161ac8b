//! What becomes of a job after it was made. All of this is for a caller's
//! transaction.

use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use super::{Job, JobDefinition, get, stored_limit};
use crate::execs::{self, Cancelled, Triggered};
use crate::schedules::{self, Intent};
use crate::schema::jobs;
use crate::{StoreError, clock};

/// How a job's row is locked until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nobody else can change or delete the job; others may trigger it.
    Shared,
    /// Nobody else can change, delete or trigger the job.
    Exclusive,
}

/// A job that stays as it is read here until the transaction ends, unless it
/// was deleted.
pub async fn get_held(
    conn: &mut AsyncPgConnection,
    id: JobId,
    hold: Hold,
) -> Result<Option<Job>, StoreError> {
    let row = jobs::table.find(id.0).select(jobs::id);
    // The job's row only: its schedule's row is the scheduler's to lock.
    let found: Option<i64> = match hold {
        Hold::Shared => row.for_share().first(conn).await,
        Hold::Exclusive => row.for_no_key_update().first(conn).await,
    }
    .optional()?;
    match found {
        Some(_) => get(conn, id).await,
        None => Ok(None),
    }
}

/// Puts what a held job is now in place of what it was, and its schedule. Its
/// namespace and maker stay.
pub async fn update(
    conn: &mut AsyncPgConnection,
    id: JobId,
    new: JobDefinition,
) -> Result<Job, StoreError> {
    // Locked before the clock is read: what a firing that was under way has
    // fired is then before the new generation's beginning.
    let locked = schedules::lock(conn, &[id]).await?;
    let [current] = locked.as_slice() else {
        return Err(diesel::result::Error::NotFound.into());
    };
    let effective_from = clock::now(conn).await?;
    let (created_at, updated_at) = diesel::update(jobs::table.find(id.0))
        .set((
            jobs::name.eq(&new.name),
            jobs::region.eq(&new.region),
            jobs::spec.eq(execs::spec_value(&new.spec)?),
            jobs::max_running.eq(stored_limit(new.max_running)),
            jobs::email_enabled.eq(new.email_enabled),
            jobs::updated_at.eq(effective_from),
        ))
        .returning((jobs::created_at, jobs::updated_at))
        .get_result(conn)
        .await?;
    let intent = Intent {
        mode: new.schedule_mode.clone(),
        rules: new.schedule_rules.clone(),
        active: new.schedule_active,
        effective_from,
    };
    let schedule_anchor = schedules::edit(conn, current, &intent).await?.anchor;
    Ok(Job {
        id,
        definition: new,
        schedule_anchor,
        created_at,
        updated_at,
    })
}

/// Hides a job, stops its schedule, and asks for the end of its open execs,
/// which are given back. `None` if there is no such job, or no longer.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    id: JobId,
    by: &str,
) -> Result<Option<Vec<Cancelled>>, StoreError> {
    let hidden = diesel::update(jobs::table.find(id.0))
        .filter(jobs::deleted_at.is_null())
        .set(jobs::deleted_at.eq(now))
        .execute(conn)
        .await?;
    if hidden == 0 {
        return Ok(None);
    }
    // Each step waits for what is under way, so the execs come last: by then
    // no trigger and no firing can add one.
    schedules::stop(conn, id).await?;
    execs::cancel_open(conn, id, Triggered::ByAnyone, by)
        .await
        .map(Some)
}
