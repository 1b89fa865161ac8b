//! `exec_events`: the timeline of an exec, append-only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId};
use uuid::Uuid;

use crate::StoreError;
use crate::schema::exec_events;

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEventEntry {
    /// Attempt it belongs to; 0 where there was none yet.
    pub attempt: i32,
    /// What happened.
    pub kind: EventKind,
    /// When, by the clock of whoever saw it.
    pub at: DateTime<Utc>,
    /// What happened in a sentence, for people; for kinds with a log position it is the log line.
    pub message: String,
}

/// Adds an entry, the same to each of these execs. An attempt tells each kind once:
/// repeating a step is harmless and the first account stays.
pub async fn append(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
    entry: &ExecEventEntry,
) -> Result<(), StoreError> {
    let rows = execs.iter().map(|exec| {
        (
            exec_events::exec_id.eq(exec.0),
            exec_events::attempt.eq(entry.attempt),
            exec_events::kind.eq(entry.kind.as_str()),
            exec_events::at.eq(entry.at),
            exec_events::message.eq(&entry.message),
        )
    });
    diesel::insert_into(exec_events::table)
        .values(rows.collect::<Vec<_>>())
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// The timeline of an exec, by attempt and time. During an upgrade a newer version may
/// write kinds that this one does not know; they are left out.
pub async fn list(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
) -> Result<Vec<ExecEventEntry>, StoreError> {
    let mut timelines = list_all(conn, &[exec]).await?;
    Ok(timelines.remove(&exec).unwrap_or_default())
}

/// The same of several execs; of those that have one.
pub async fn list_all(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
) -> Result<HashMap<ExecId, Vec<ExecEventEntry>>, StoreError> {
    let ids: Vec<_> = execs.iter().map(|exec| exec.0).collect();
    let rows: Vec<(Uuid, i32, String, DateTime<Utc>, String)> = exec_events::table
        .filter(exec_events::exec_id.eq_any(ids))
        .order((exec_events::attempt, exec_events::at))
        .select((
            exec_events::exec_id,
            exec_events::attempt,
            exec_events::kind,
            exec_events::at,
            exec_events::message,
        ))
        .load(conn)
        .await?;
    let mut timelines: HashMap<_, Vec<_>> = HashMap::new();
    for (exec, attempt, kind, at, message) in rows {
        let Some(kind) = EventKind::parse(&kind) else {
            continue;
        };
        timelines
            .entry(ExecId(exec))
            .or_default()
            .push(ExecEventEntry {
                attempt,
                kind,
                at,
                message,
            });
    }
    Ok(timelines)
}

/// How many entries these execs have, of those that have any.
pub async fn counts(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
) -> Result<HashMap<ExecId, i64>, StoreError> {
    let ids: Vec<_> = execs.iter().map(|exec| exec.0).collect();
    let rows: Vec<(Uuid, i64)> = exec_events::table
        .filter(exec_events::exec_id.eq_any(ids))
        .group_by(exec_events::exec_id)
        .select((exec_events::exec_id, count_star()))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(exec, count)| (ExecId(exec), count))
        .collect())
}
