//! The wish that an exec end: written here, carried out by the executor.

use diesel::dsl::{exists, now, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId, JobId, ScheduleRules, TriggerMode};
use uuid::Uuid;

use super::{Exec, get};
use crate::StoreError;
use crate::schema::{exec_events, execs};

/// Literals, so that every plan can use the indexes of open execs.
const OPEN: &str = "state IN ('waiting', 'running')";

impl Triggered {
    /// Which ones stand in the way of a schedule's instants.
    pub fn counted_by(rules: &ScheduleRules) -> Self {
        if rules.overlap_counts_manual {
            Self::ByAnyone
        } else {
            Self::BySchedule
        }
    }

    fn letters(self) -> &'static [&'static str] {
        const LETTERS: [&str; 2] = [
            TriggerMode::Scheduled.letter(),
            TriggerMode::Manual.letter(),
        ];
        match self {
            Self::ByAnyone => &LETTERS,
            Self::BySchedule => &LETTERS[..1],
        }
    }
}

/// An exec whose end was asked for just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Its id.
    pub id: ExecId,
    /// The region whose executor is to be told.
    pub region: String,
}

/// Asks for the end of an exec that has not ended; the first to ask is the one
/// on its timeline. Gives back the exec as it is then, ended or with its
/// `cancel_requested_at`; `None` if the job has no such exec. Several
/// statements, so the caller brings a transaction.
pub async fn request_cancel(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: ExecId,
    by: &str,
) -> Result<Option<Exec>, StoreError> {
    let asked = diesel::update(execs::table.find(id.0))
        .filter(execs::job_id.eq(job.0))
        .filter(execs::deleted_at.is_null())
        .filter(execs::cancel_requested_at.is_null())
        .filter(sql::<Bool>(OPEN))
        .set(execs::cancel_requested_at.eq(now))
        .execute(conn)
        .await?;
    if asked > 0 {
        append_cancel_events(conn, &[id.0], by).await?;
    }
    get(conn, job, id).await
}

/// Hides an exec at once and asks for its end if it has not ended; gives it
/// back as it was hidden. `None` if the job has no such exec, or no longer.
/// Several statements, so the caller brings a transaction.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    job: JobId,
    id: ExecId,
    by: &str,
) -> Result<Option<Exec>, StoreError> {
    let exec = request_cancel(conn, job, id, by).await?;
    let hidden = diesel::update(execs::table.find(id.0))
        .filter(execs::job_id.eq(job.0))
        .filter(execs::deleted_at.is_null())
        .set(execs::deleted_at.eq(now))
        .execute(conn)
        .await?;
    Ok(exec.filter(|_| hidden > 0))
}

/// Which execs of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggered {
    /// All of them.
    ByAnyone,
    /// Only those that its schedule triggered.
    BySchedule,
}

/// Whether a job has an exec that has not ended.
pub async fn has_open(
    conn: &mut AsyncPgConnection,
    job: JobId,
    which: Triggered,
) -> Result<bool, StoreError> {
    let open = execs::table
        .filter(execs::job_id.eq(job.0))
        .filter(execs::trigger_mode.eq_any(which.letters()))
        .filter(sql::<Bool>(OPEN));
    Ok(diesel::select(exists(open)).get_result(conn).await?)
}

/// Asks for the end of open execs of a job. Several statements, so the caller
/// brings a transaction.
pub async fn cancel_open(
    conn: &mut AsyncPgConnection,
    job: JobId,
    which: Triggered,
    by: &str,
) -> Result<Vec<Cancelled>, StoreError> {
    let asked: Vec<(Uuid, String)> = diesel::update(execs::table)
        .filter(execs::job_id.eq(job.0))
        .filter(execs::trigger_mode.eq_any(which.letters()))
        .filter(execs::cancel_requested_at.is_null())
        .filter(sql::<Bool>(OPEN))
        .set(execs::cancel_requested_at.eq(now))
        .returning((execs::id, execs::region))
        .get_results(conn)
        .await?;
    let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
    append_cancel_events(conn, &ids, by).await?;
    Ok(asked
        .into_iter()
        .map(|(id, region)| Cancelled {
            id: ExecId(id),
            region,
        })
        .collect())
}

/// Asks for the end of every exec that waits, and says how many these were. Several
/// statements, so the caller brings a transaction.
pub async fn cancel_waiting(conn: &mut AsyncPgConnection, by: &str) -> Result<usize, StoreError> {
    let asked: Vec<Uuid> = diesel::update(execs::table)
        .filter(sql::<Bool>("state = 'waiting'"))
        .filter(execs::cancel_requested_at.is_null())
        .set(execs::cancel_requested_at.eq(now))
        .returning(execs::id)
        .get_results(conn)
        .await?;
    append_cancel_events(conn, &asked, by).await?;
    Ok(asked.len())
}

/// Those of these execs that have neither ended nor been deleted.
pub async fn open_among(
    conn: &mut AsyncPgConnection,
    ids: &[ExecId],
) -> Result<Vec<ExecId>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let open: Vec<Uuid> = execs::table
        .filter(execs::id.eq_any(ids))
        .filter(execs::deleted_at.is_null())
        .filter(sql::<Bool>(OPEN))
        .select(execs::id)
        .load(conn)
        .await?;
    Ok(open.into_iter().map(ExecId).collect())
}

/// Puts the request on the timelines, however many they are, in one statement.
async fn append_cancel_events(
    conn: &mut AsyncPgConnection,
    ids: &[Uuid],
    by: &str,
) -> Result<(), StoreError> {
    execs::table
        .filter(execs::id.eq_any(ids))
        .select((
            execs::id,
            execs::attempt,
            EventKind::CancelRequested.as_str().into_sql::<Text>(),
            execs::cancel_requested_at.assume_not_null(),
            format!("{by} asked to cancel.").into_sql::<Text>(),
        ))
        .insert_into(exec_events::table)
        .into_columns((
            exec_events::exec_id,
            exec_events::attempt,
            exec_events::kind,
            exec_events::at,
            exec_events::message,
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}
