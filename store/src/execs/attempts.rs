//! The attempts of an exec, as its users see them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{ExecId, Reason};

use crate::StoreError;
use crate::lifecycle::parse_reason;
use crate::schema::{exec_attempts, log_streams};

/// One try to run an exec, and how much of its output is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// Its number, from 1.
    pub attempt: i32,
    /// When it was decided on.
    pub created_at: DateTime<Utc>,
    /// When it may begin, if it follows a failed one.
    pub not_before: Option<DateTime<Utc>>,
    /// When its program started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended, or is being ended.
    pub reason: Option<Reason>,
    /// The reason in a sentence, for people.
    pub message: Option<String>,
    /// The program's exit code.
    pub exit_code: Option<i32>,
    /// Name of the node that it was given.
    pub node: Option<String>,
    /// Name of its pod.
    pub pod: Option<String>,
    /// Its stored output; none before its first line.
    pub log: Option<LogReport>,
}

/// How much of an attempt's output is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct LogReport {
    /// Lines.
    pub lines: i64,
    /// Bytes of all lines, without newlines.
    pub bytes: i64,
    /// Whether all is there that the node kept; none while it may become more.
    pub complete: Option<bool>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = exec_attempts)]
struct Row {
    attempt: i32,
    created_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    message: Option<String>,
    exit_code: Option<i32>,
    node: Option<String>,
    pod_name: Option<String>,
}

/// The attempts of an exec, in order.
pub async fn attempts(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
) -> Result<Vec<AttemptReport>, StoreError> {
    let its_stream = log_streams::exec_id
        .eq(exec_attempts::exec_id)
        .and(log_streams::attempt.eq(exec_attempts::attempt));
    let rows: Vec<(Row, Option<LogReport>)> = exec_attempts::table
        .left_join(log_streams::table.on(its_stream))
        .filter(exec_attempts::exec_id.eq(exec.0))
        .order(exec_attempts::attempt)
        .select((
            Row::as_select(),
            (
                log_streams::next_seq,
                log_streams::bytes,
                log_streams::complete,
            )
                .nullable(),
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(|(row, log)| row.report(log)).collect()
}

impl Row {
    fn report(self, log: Option<LogReport>) -> Result<AttemptReport, StoreError> {
        Ok(AttemptReport {
            attempt: self.attempt,
            created_at: self.created_at,
            not_before: self.not_before,
            started_at: self.started_at,
            ended_at: self.ended_at,
            reason: self.reason.map(parse_reason).transpose()?,
            message: self.message,
            exit_code: self.exit_code,
            node: self.node,
            pod: self.pod_name,
            log,
        })
    }
}
