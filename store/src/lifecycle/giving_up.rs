//! What the executor no longer waits for: an attempt, or its log.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecEvent, ExecId, Transition};

use super::append_event;
use super::attempt::{Applied, begin_attempt};
use super::outcome::{End, lock_at, settle, write_beginning};
use crate::StoreError;
use crate::schema::{exec_attempts, execs};

/// An attempt is given up for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How it ended; its event is not asked for.
    pub end: End,
    /// When that was decided.
    pub at: DateTime<Utc>,
    /// When the next one may begin.
    pub not_before: DateTime<Utc>,
}

/// Ends the attempt and records the next one. Too late once the exec ended, moved to
/// another attempt, or is asked to cancel (which wins).
pub async fn retry(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    retry: &Retry,
) -> Result<Applied, StoreError> {
    let end = &retry.end;
    let locked = lock_at(conn, exec, end).await?;
    let Some(mut locked) = locked.filter(|locked| !locked.cancel_requested) else {
        return Ok(Applied::TooLate);
    };
    let next_state = locked.begun(end).on(ExecEvent::Retried);
    if next_state == Transition::Reject {
        return Ok(Applied::TooLate);
    }
    write_beginning(conn, exec, (&mut locked, end)).await?;
    if let Transition::Move(state) = next_state {
        diesel::update(execs::table.find(exec.0))
            .set((
                execs::state.eq(state.as_str()),
                execs::started_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(conn)
            .await?;
    }
    let at = settle(conn, exec, (&locked, end)).await?;
    append_event(conn, (exec, end.attempt), EventKind::Ended, at, &end.line).await?;
    let next = (retry.at, Some(retry.not_before));
    begin_attempt(conn, exec, end.attempt + 1, next).await
}

/// Records that an attempt's log is no longer waited for. Only then may its
/// pod be let go.
pub async fn abandon_logs(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    (at, line): (DateTime<Utc>, &str),
) -> Result<(), StoreError> {
    diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .filter(exec_attempts::logs_abandoned_at.is_null())
        .set(exec_attempts::logs_abandoned_at.eq(at))
        .execute(conn)
        .await?;
    diesel::update(execs::table.find(exec.0))
        .filter(execs::logs_abandoned_at.is_null())
        .set(execs::logs_abandoned_at.eq(at))
        .execute(conn)
        .await?;
    append_event(conn, (exec, attempt), EventKind::LogsAbandoned, at, line).await
}
