//! The steps of one attempt until its program starts.

use chrono::{DateTime, Utc};
use diesel::dsl::{case_when, sql};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Jsonb, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId, ExecState, Phase, Reason};
use uuid::Uuid;

use super::append_event;
use crate::StoreError;
use crate::events::{self, ExecEventEntry};
use crate::schema::{exec_attempts, execs};

/// What an attempt keeps of its exec's spec: all but what is run.
const RULES: &str = "spec - '{command,image_repo,image_tag,size,vars,secret_vars}'::text[]";

/// Whether a step was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It stands in the database now.
    Done,
    /// The exec had moved on; nothing was written.
    TooLate,
}

impl Applied {
    pub(super) fn from_rows(rows: usize) -> Self {
        if rows > 0 { Self::Done } else { Self::TooLate }
    }
}

/// A node was told to run the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The node's name.
    pub node: String,
    /// When it was chosen.
    pub at: DateTime<Utc>,
    /// The log's line about it.
    pub line: String,
}

/// What keeps an attempt from running, where more is known than how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Where it stands.
    pub phase: Phase,
    /// What it is, for people.
    pub message: String,
}

/// Why an attempt is being ended, recorded before its pod is stopped, because
/// the stopped pod will no longer tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReason {
    /// The cause.
    pub reason: Reason,
    /// The reason in a sentence, for people.
    pub message: String,
}

/// Records attempt `attempt`, the one after the current: waiting, not asked to
/// cancel. Its Job may be created only after this is committed, and not before the
/// second of the two instants, if there is one.
pub async fn begin_attempt(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    times: (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Applied, StoreError> {
    let begun = begin(conn, &[exec], attempt, times).await?;
    Ok(Applied::from_rows(begun.len()))
}

/// Records the first attempt of all of these execs that wait and are not asked to cancel;
/// says which they were.
pub async fn begin_first(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
    at: DateTime<Utc>,
) -> Result<Vec<ExecId>, StoreError> {
    begin(conn, execs, 1, (at, None)).await
}

async fn begin(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
    attempt: i32,
    (at, not_before): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Vec<ExecId>, StoreError> {
    let ids: Vec<Uuid> = execs.iter().map(|exec| exec.0).collect();
    let moved: Vec<Uuid> = diesel::update(execs::table)
        .filter(execs::id.eq_any(ids))
        .filter(execs::state.eq(ExecState::Waiting.as_str()))
        .filter(execs::attempt.eq(attempt - 1))
        .filter(execs::cancel_requested_at.is_null())
        .set(execs::attempt.eq(attempt))
        .returning(execs::id)
        .get_results(conn)
        .await?;
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let begun = execs::table.filter(execs::id.eq_any(&moved)).select((
        execs::id,
        attempt.into_sql::<Integer>(),
        at.into_sql::<Timestamptz>(),
        not_before.into_sql::<Nullable<Timestamptz>>(),
        sql::<Jsonb>(RULES),
    ));
    diesel::insert_into(exec_attempts::table)
        .values(begun)
        .into_columns((
            exec_attempts::exec_id,
            exec_attempts::attempt,
            exec_attempts::created_at,
            exec_attempts::not_before,
            exec_attempts::rules,
        ))
        .execute(conn)
        .await?;
    let moved: Vec<ExecId> = moved.into_iter().map(ExecId).collect();
    let entry = ExecEventEntry {
        attempt,
        kind: EventKind::Attempted,
        at,
        message: format!("Attempt {attempt}."),
    };
    events::append(conn, &moved, &entry).await?;
    Ok(moved)
}

/// Tells that the pod has a node, which now pulls its image.
pub async fn place(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    placement: &Placement,
) -> Result<Applied, StoreError> {
    let rows = diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .filter(exec_attempts::node.is_null())
        .set(exec_attempts::node.eq(&placement.node))
        .execute(conn)
        .await?;
    if rows > 0 {
        let place = (exec, attempt);
        append_event(
            conn,
            place,
            EventKind::Pulling,
            placement.at,
            &placement.line,
        )
        .await?;
    }
    Ok(Applied::from_rows(rows))
}

/// Tells what keeps this attempt from running; since when is kept while the phase is.
pub async fn tell(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    (obstacle, at): (&Obstacle, DateTime<Utc>),
) -> Result<Applied, StoreError> {
    let phase = obstacle.phase.as_str();
    let since = case_when(
        exec_attempts::obstacle.is_not_distinct_from(phase),
        exec_attempts::obstacle_since,
    )
    .otherwise(Some(at).into_sql::<Nullable<Timestamptz>>());
    let rows = diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .filter(exec_attempts::ended_at.is_null())
        .set((
            exec_attempts::obstacle.eq(phase),
            exec_attempts::obstacle_message.eq(&obstacle.message),
            exec_attempts::obstacle_since.eq(since),
        ))
        .execute(conn)
        .await?;
    Ok(Applied::from_rows(rows))
}

/// Records why this attempt is going to be ended. The first verdict stays.
pub async fn condemn(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    verdict: &StopReason,
) -> Result<Applied, StoreError> {
    let rows = diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .filter(exec_attempts::ended_at.is_null())
        .filter(exec_attempts::reason.is_null())
        .set((
            exec_attempts::reason.eq(verdict.reason.as_str()),
            exec_attempts::message.eq(&verdict.message),
        ))
        .execute(conn)
        .await?;
    Ok(Applied::from_rows(rows))
}
