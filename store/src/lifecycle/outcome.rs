//! The moves of an exec's state.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecEvent, ExecId, ExecState, Reason, Transition};

use super::attempt::{Applied, Placement, place};
use super::{Locked, append_event, lock};
use crate::StoreError;
use crate::schema::{exec_attempts, execs};

/// The program was seen running, or is known to have run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Where.
    pub placement: Placement,
    /// When the program started.
    pub at: DateTime<Utc>,
    /// The log's line about it.
    pub line: String,
}

/// How an exec ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Which attempt this is about; 0 if there was none.
    pub attempt: i32,
    /// What happened; one of the four endings.
    pub event: ExecEvent,
    /// Why.
    pub reason: Reason,
    /// The reason in a sentence, for people.
    pub message: String,
    /// The log's line about it.
    pub line: String,
    /// What Kubernetes said of the attempt, if it was asked and said something.
    pub said: Option<String>,
    /// The program's exit code, where it had one.
    pub exit_code: Option<i32>,
    /// When.
    pub at: DateTime<Utc>,
    /// Its start, if the program is known to have started.
    pub start: Option<Start>,
    /// The node it was given, if it has one and did not start.
    pub placement: Option<Placement>,
    /// It may end so only while no pod was claimed.
    pub only_unclaimed: bool,
}

/// What [`end`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The exec is in this state now.
    Moved(ExecState),
    /// It was there already, or had moved on; nothing was written.
    Stays,
    /// The state machine refuses this end; the picture it came from is wrong.
    Refused(ExecState),
}

/// Records that the attempt's program runs.
pub async fn start(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
    start: &Start,
) -> Result<Applied, StoreError> {
    let Some(locked) = lock(conn, exec)
        .await?
        .filter(|locked| locked.attempt == attempt)
    else {
        return Ok(Applied::TooLate);
    };
    match locked.state.on(ExecEvent::Started) {
        Transition::Move(state) => {
            write_start(conn, (exec, attempt), state, start).await?;
            Ok(Applied::Done)
        }
        Transition::Ignore | Transition::Reject => Ok(Applied::TooLate),
    }
}

async fn write_start(
    conn: &mut AsyncPgConnection,
    (exec, attempt): (ExecId, i32),
    state: ExecState,
    start: &Start,
) -> Result<(), StoreError> {
    diesel::update(execs::table.find(exec.0))
        .set((
            execs::state.eq(state.as_str()),
            execs::started_at.eq(start.at),
        ))
        .execute(conn)
        .await?;
    diesel::update(exec_attempts::table.find((exec.0, attempt)))
        .set((
            exec_attempts::started_at.eq(start.at),
            exec_attempts::start_recorded_at.eq(now),
        ))
        .execute(conn)
        .await?;
    place(conn, exec, attempt, &start.placement).await?;
    append_event(
        conn,
        (exec, attempt),
        EventKind::Running,
        start.at,
        &start.line,
    )
    .await
}

/// Ends the exec. A program that was never seen running makes both moves here.
pub async fn end(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    end: &End,
) -> Result<Ended, StoreError> {
    let Some(mut locked) = lock_at(conn, exec, end).await? else {
        return Ok(Ended::Stays);
    };
    let begun = locked.begun(end);
    match begun.on(end.event) {
        Transition::Move(state) => {
            write_beginning(conn, exec, (&mut locked, end)).await?;
            write_end(conn, exec, state, (&locked, end)).await?;
            Ok(Ended::Moved(state))
        }
        Transition::Ignore => Ok(Ended::Stays),
        Transition::Reject => Ok(Ended::Refused(begun)),
    }
}

impl Locked {
    /// The state before this end: a program that was never seen running did run.
    pub(super) fn begun(&self, end: &End) -> ExecState {
        match self.state.on(ExecEvent::Started) {
            Transition::Move(running) if end.start.is_some() => running,
            _ => self.state,
        }
    }
}

/// Writes what is known of an attempt's beginning and was not seen before its end: its
/// node, and the start of its program.
pub(super) async fn write_beginning(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    (locked, end): (&mut Locked, &End),
) -> Result<(), StoreError> {
    match (&end.start, locked.state.on(ExecEvent::Started)) {
        (Some(start), Transition::Move(running)) => {
            write_start(conn, (exec, end.attempt), running, start).await?;
            (locked.state, locked.started_at) = (running, Some(start.at));
        }
        _ => {
            if let Some(placement) = &end.placement {
                place(conn, exec, end.attempt, placement).await?;
            }
        }
    }
    Ok(())
}

/// Locks an exec that is still at the attempt which ends so.
pub(super) async fn lock_at(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    end: &End,
) -> Result<Option<Locked>, StoreError> {
    let locked = lock(conn, exec).await?;
    let Some(locked) = locked.filter(|row| row.attempt == end.attempt) else {
        return Ok(None);
    };
    let too_late = end.only_unclaimed && is_claimed(conn, exec, end.attempt).await?;
    Ok((!too_late).then_some(locked))
}

async fn is_claimed(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
) -> Result<bool, StoreError> {
    let pod_uid: Option<Option<String>> = exec_attempts::table
        .find((exec.0, attempt))
        .select(exec_attempts::pod_uid)
        .first(conn)
        .await
        .optional()?;
    Ok(pod_uid.flatten().is_some())
}

async fn write_end(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    state: ExecState,
    (locked, end): (&Locked, &End),
) -> Result<(), StoreError> {
    let at = settle(conn, exec, (locked, end)).await?;
    diesel::update(execs::table.find(exec.0))
        .set((
            execs::state.eq(state.as_str()),
            execs::reason.eq(end.reason.as_str()),
            execs::message.eq(&end.message),
            execs::exit_code.eq(end.exit_code),
            execs::ended_at.eq(at),
        ))
        .execute(conn)
        .await?;
    // Told when it became known: after the loss, whenever the program ended.
    let (kind, at) = match locked.state {
        ExecState::Lost => (EventKind::Corrected, Utc::now()),
        _ => (EventKind::Ended, at),
    };
    append_event(conn, (exec, end.attempt), kind, at, &end.line).await
}

/// Writes how an attempt ended, and tells when.
pub(super) async fn settle(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    (locked, end): (&Locked, &End),
) -> Result<DateTime<Utc>, StoreError> {
    // Clocks of nodes differ from ours; a run of less than nothing helps nobody.
    let at = locked
        .started_at
        .map_or(end.at, |started| end.at.max(started));
    diesel::update(exec_attempts::table.find((exec.0, end.attempt)))
        .set((
            exec_attempts::reason.eq(end.reason.as_str()),
            exec_attempts::message.eq(&end.message),
            exec_attempts::exit_code.eq(end.exit_code),
            exec_attempts::ended_at.eq(at),
            exec_attempts::settled_at.eq(now),
        ))
        .execute(conn)
        .await?;
    if let Some(said) = &end.said {
        append_event(conn, (exec, end.attempt), EventKind::Kubernetes, at, said).await?;
    }
    Ok(at)
}
