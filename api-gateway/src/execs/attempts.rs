//! The attempts of an exec: each start of its program, or try to start it.

use serde::Serialize;
use serde_json::{Value, json};
use store::execs::{AttemptReport, LogReport};
use utoipa::ToSchema;

use crate::execs::outcome::OutcomeView;
use crate::reply::timestamp::Timestamp;

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt, examples(attempt))]
pub struct AttemptView<'a> {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    attempt: i32,
    /// When it was decided on.
    created_at: Timestamp,
    /// When it may begin, if it follows a failed one.
    #[schema(required)]
    not_before: Option<Timestamp>,
    #[serde(flatten)]
    #[schema(inline)]
    outcome: OutcomeView<'a>,
    /// Name of the node that it was given.
    #[schema(required)]
    node: Option<&'a str>,
    /// Name of its pod.
    #[schema(required)]
    pod: Option<&'a str>,
    /// Its stored output.
    #[schema(required, inline)]
    log: Option<LogView>,
}

/// How much of an attempt's output is stored.
#[derive(Debug, Serialize, ToSchema)]
struct LogView {
    /// Lines.
    #[schema(minimum = 0)]
    lines: i64,
    /// Bytes of all lines, without newlines.
    #[schema(minimum = 0)]
    bytes: i64,
    /// Whether all is there that its node kept; `null` while it may become more.
    #[schema(required)]
    complete: Option<bool>,
}

impl<'a> From<&'a AttemptReport> for AttemptView<'a> {
    fn from(attempt: &'a AttemptReport) -> Self {
        Self {
            attempt: attempt.attempt,
            created_at: Timestamp(attempt.created_at),
            not_before: attempt.not_before.map(Timestamp),
            outcome: OutcomeView::new(
                (attempt.started_at, attempt.ended_at),
                (attempt.reason, attempt.message.as_deref()),
                attempt.exit_code,
            ),
            node: attempt.node.as_deref(),
            pod: attempt.pod.as_deref(),
            log: attempt.log.map(LogView::from),
        }
    }
}

impl From<LogReport> for LogView {
    fn from(log: LogReport) -> Self {
        Self {
            lines: log.lines,
            bytes: log.bytes,
            complete: log.complete,
        }
    }
}

fn attempt() -> Value {
    json!({
        "attempt": 1, "created_at": "2015-12-28T14:51:53.094169+00:00", "not_before": null,
        "started_at": "2015-12-28T14:52:02+00:00", "ended_at": "2015-12-28T14:52:12+00:00",
        "duration": { "hours": 0, "minutes": 0, "seconds": 10 }, "reason": "exit_code",
        "message": "exit code 3", "reason_owner": "user",
        "next_step": "Read the end of the log: the exit code is the program's own.",
        "exit_code": 3, "node": "node-7",
        "pod": "x-64b2d045288142939bcdbdc04b953115-1-x2x5f",
        "log": { "lines": 12, "bytes": 480, "complete": true },
    })
}
