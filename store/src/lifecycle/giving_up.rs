//! What the executor no longer waits for: an attempt, or its log.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId, ExecState, Reason};

use super::attempt::{Applied, begin_attempt};
use super::outcome::is_claimed;
use super::{append_event, lock};
use crate::StoreError;
use crate::schema::{exec_attempts, execs};

/// An attempt whose program never started is given up for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The attempt that ended.
    pub attempt: i32,
    /// Why.
    pub reason: Reason,
    /// The reason in a sentence, for people.
    pub message: String,
    /// The log's line about it.
    pub line: String,
    /// When.
    pub at: DateTime<Utc>,
    /// It may be given up only while no pod was claimed.
    pub only_unclaimed: bool,
}

/// Ends the attempt and records the next one. Too late once the exec ran,
/// ended, or is asked to cancel (which wins).
pub async fn retry(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    retry: &Retry,
) -> Result<Applied, StoreError> {
    let waits = lock(conn, exec).await?.is_some_and(|locked| {
        locked.attempt == retry.attempt
            && locked.state == ExecState::Waiting
            && !locked.cancel_requested
    });
    if !waits || (retry.only_unclaimed && is_claimed(conn, exec, retry.attempt).await?) {
        return Ok(Applied::TooLate);
    }
    diesel::update(exec_attempts::table.find((exec.0, retry.attempt)))
        .set((
            exec_attempts::reason.eq(retry.reason.as_str()),
            exec_attempts::message.eq(&retry.message),
            exec_attempts::ended_at.eq(retry.at),
            exec_attempts::settled_at.eq(now),
        ))
        .execute(conn)
        .await?;
    append_event(
        conn,
        (exec, retry.attempt),
        EventKind::Ended,
        retry.at,
        &retry.line,
    )
    .await?;
    begin_attempt(conn, exec, retry.attempt + 1, retry.at).await
}

/// Records that an attempt's log is no longer waited for. Only then may its
/// pod be let go.
pub async fn abandon_logs(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    (at, line): (DateTime<Utc>, &str),
) -> Result<(), StoreError> {
    diesel::update(execs::table.find(exec.0))
        .filter(execs::logs_abandoned_at.is_null())
        .set(execs::logs_abandoned_at.eq(at))
        .execute(conn)
        .await?;
    append_event(conn, (exec, attempt), EventKind::LogsAbandoned, at, line).await
}
