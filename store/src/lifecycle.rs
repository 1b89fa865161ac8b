//! What becomes of an exec: its status columns, its attempts and their place on
//! the timeline. Only the executor writes here.
//!
//! Every change of state locks the exec's row, asks [`ExecState::on`] and writes
//! row and timeline together, so callers run these functions in a transaction.
//! A change that comes too late is a value, not an error.
//!
//! [`ExecState::on`]: shared_types::ExecState::on

mod attempt;
mod claim;
mod giving_up;
mod held;
mod job;
mod outcome;
mod program;
mod track;

pub use attempt::{
    Applied, Obstacle, Placement, StopReason, begin_attempt, begin_first, condemn, place, tell,
};
pub use claim::{Claim, claim};
pub use giving_up::{Retry, abandon_logs, retry};
pub use held::{Held, held};
pub use job::{MadeJob, forget_job, record_jobs};
pub use outcome::{End, Ended, Start, end, start};
pub use program::{Program, programs};
pub use track::{Attempt, Tracked, load, open_page};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId, ExecState, Phase, Reason};

use crate::StoreError;
use crate::events::{self, ExecEventEntry};
use crate::schema::execs;

/// The status of an exec whose row this transaction holds.
struct Locked {
    state: ExecState,
    attempt: i32,
    cancel_requested: bool,
    started_at: Option<DateTime<Utc>>,
}

/// Waits for the exec's row and keeps it until the transaction ends.
async fn lock(conn: &mut AsyncPgConnection, exec: ExecId) -> Result<Option<Locked>, StoreError> {
    type Row = (String, i32, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    let row: Option<Row> = execs::table
        .find(exec.0)
        .select((
            execs::state,
            execs::attempt,
            execs::cancel_requested_at,
            execs::started_at,
        ))
        // Changes of state exclude each other; rows that refer to this one may come.
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    row.map(|(state, attempt, cancel_requested_at, started_at)| {
        Ok(Locked {
            state: parse_state(state)?,
            attempt,
            cancel_requested: cancel_requested_at.is_some(),
            started_at,
        })
    })
    .transpose()
}

fn parse_state(word: String) -> Result<ExecState, StoreError> {
    ExecState::parse(&word).ok_or(StoreError::Unknown {
        what: "exec state",
        value: word,
    })
}

/// Reads a reason as it is stored.
pub(crate) fn parse_reason(word: String) -> Result<Reason, StoreError> {
    Reason::parse(&word).ok_or(StoreError::Unknown {
        what: "reason",
        value: word,
    })
}

/// Reads an obstacle as it is stored; of a later version's phases nothing is known.
pub(crate) fn read_obstacle(phase: Option<&str>, message: Option<String>) -> Option<Obstacle> {
    Some(Obstacle {
        phase: Phase::parse(phase?)?,
        message: message?,
    })
}

/// Adds one entry to the timeline.
async fn append_event(
    conn: &mut AsyncPgConnection,
    (exec, attempt): (ExecId, i32),
    kind: EventKind,
    at: DateTime<Utc>,
    message: &str,
) -> Result<(), StoreError> {
    let message = message.to_owned();
    let entry = ExecEventEntry {
        attempt,
        kind,
        at,
        message,
    };
    events::append(conn, &[exec], &entry).await
}
