//! Reading execs with their attempts, one or many at a time.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::trace::Traceparent;
use shared_types::{ExecId, ExecState, JobId, Reason, RunRules, Shards};
use uuid::Uuid;

use super::{Obstacle, parse_reason, parse_state, read_obstacle};
use crate::StoreError;
use crate::schema::{exec_attempts, execs};

/// An exec as its executor sees it, without what it runs (see [`super::program`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// Its id.
    pub id: ExecId,
    /// The job it is a run of.
    pub job_id: JobId,
    /// The job's namespace.
    pub namespace: String,
    /// The region that runs it.
    pub region: String,
    /// When it was triggered.
    pub created_at: DateTime<Utc>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Where it is in its life.
    pub state: ExecState,
    /// The current attempt, from 1; 0 before the first.
    pub attempt: i32,
    /// Where who triggered it is in a trace.
    pub traceparent: Option<Traceparent>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// All its attempts, in order.
    pub attempts: Vec<Attempt>,
}

impl Tracked {
    /// The attempt it is at; none before the first.
    #[must_use]
    pub fn current(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.attempt == self.attempt)
    }
}

/// One try to run an exec: one Job in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: i32,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When its Job may be created, if it follows a failed attempt.
    pub not_before: Option<DateTime<Utc>>,
    /// The Job's uid, once it was created.
    pub job_uid: Option<String>,
    /// The one pod that may start the program, once claimed.
    pub pod_uid: Option<String>,
    /// That pod's name.
    pub pod_name: Option<String>,
    /// When it was claimed.
    pub claimed_at: Option<DateTime<Utc>>,
    /// Where the pod runs, once told.
    pub node: Option<String>,
    /// How long it may run, and what follows when it fails.
    pub rules: RunRules,
    /// When its program started, by the clock of its node.
    pub started_at: Option<DateTime<Utc>>,
    /// When that was recorded, by the database's.
    pub start_recorded_at: Option<DateTime<Utc>>,
    /// When the attempt ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When that was recorded.
    pub settled_at: Option<DateTime<Utc>>,
    /// When its log was given up.
    pub logs_abandoned_at: Option<DateTime<Utc>>,
    /// What was last told of what keeps it from running.
    pub obstacle: Option<Obstacle>,
    /// Why it ended, or, before the end, why it is being ended.
    pub reason: Option<Reason>,
    /// The reason in a sentence, for people.
    pub message: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = execs)]
struct ExecRow {
    id: Uuid,
    job_id: i64,
    namespace: String,
    region: String,
    created_at: DateTime<Utc>,
    cancel_requested_at: Option<DateTime<Utc>>,
    state: String,
    attempt: i32,
    ended_at: Option<DateTime<Utc>>,
    traceparent: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = exec_attempts)]
struct AttemptRow {
    exec_id: Uuid,
    attempt: i32,
    created_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    job_uid: Option<String>,
    pod_uid: Option<String>,
    pod_name: Option<String>,
    claimed_at: Option<DateTime<Utc>>,
    node: Option<String>,
    rules: serde_json::Value,
    started_at: Option<DateTime<Utc>>,
    start_recorded_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    settled_at: Option<DateTime<Utc>>,
    logs_abandoned_at: Option<DateTime<Utc>>,
    obstacle: Option<String>,
    obstacle_message: Option<String>,
    reason: Option<String>,
    message: Option<String>,
}

/// These execs, as far as they exist, by id. One query: it is asked for at every step of
/// an exec.
pub async fn load(
    conn: &mut AsyncPgConnection,
    ids: &[ExecId],
) -> Result<Vec<Tracked>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(ExecRow, Option<AttemptRow>)> = execs::table
        .left_join(exec_attempts::table)
        .filter(execs::id.eq_any(ids))
        .order((execs::id, exec_attempts::attempt))
        .select((ExecRow::as_select(), Option::<AttemptRow>::as_select()))
        .load(conn)
        .await?;
    let mut loaded: Vec<Tracked> = Vec::new();
    for (exec, attempt) in rows {
        if loaded.last().is_none_or(|last| last.id.0 != exec.id) {
            loaded.push(exec.track(Vec::new())?);
        }
        if let (Some(last), Some(attempt)) = (loaded.last_mut(), attempt) {
            last.attempts.push(attempt.try_into()?);
        }
    }
    Ok(loaded)
}

/// The next open execs of a region and of these shards by id, `limit` at most, after `after`; those that wait
/// to be admitted only if they are to be cancelled.
pub async fn open_page(
    conn: &mut AsyncPgConnection,
    region: &str,
    shards: Shards,
    after: Option<ExecId>,
    limit: i64,
) -> Result<Vec<Tracked>, StoreError> {
    let rows = execs::table
        .filter(execs::region.eq(region))
        .filter(execs::shard.eq_any(shards.numbers()))
        // Literals, so that the planner knows the index of open execs fits.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "state IN ('waiting', 'running')
                AND (attempt > 0 OR cancel_requested_at IS NOT NULL)",
        ))
        .filter(execs::id.gt(after.map_or(Uuid::nil(), |id| id.0)))
        .order(execs::id)
        .limit(limit)
        .select(ExecRow::as_select())
        .load(conn)
        .await?;
    with_attempts(conn, rows).await
}

async fn with_attempts(
    conn: &mut AsyncPgConnection,
    rows: Vec<ExecRow>,
) -> Result<Vec<Tracked>, StoreError> {
    let ids: Vec<Uuid> = rows
        .iter()
        .filter(|row| row.attempt > 0)
        .map(|row| row.id)
        .collect();
    let mut attempts: HashMap<Uuid, Vec<Attempt>> = HashMap::new();
    if !ids.is_empty() {
        let found = exec_attempts::table
            .filter(exec_attempts::exec_id.eq_any(ids))
            .order((exec_attempts::exec_id, exec_attempts::attempt))
            .select(AttemptRow::as_select())
            .load(conn)
            .await?;
        for row in found {
            attempts
                .entry(row.exec_id)
                .or_default()
                .push(row.try_into()?);
        }
    }
    rows.into_iter()
        .map(|row| {
            let attempts = attempts.remove(&row.id).unwrap_or_default();
            row.track(attempts)
        })
        .collect()
}

impl ExecRow {
    fn track(self, attempts: Vec<Attempt>) -> Result<Tracked, StoreError> {
        Ok(Tracked {
            id: ExecId(self.id),
            job_id: JobId(self.job_id),
            namespace: self.namespace,
            region: self.region,
            created_at: self.created_at,
            cancel_requested_at: self.cancel_requested_at,
            state: parse_state(self.state)?,
            attempt: self.attempt,
            traceparent: self.traceparent.as_deref().and_then(Traceparent::parse),
            ended_at: self.ended_at,
            attempts,
        })
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        let reason = row.reason.map(parse_reason).transpose()?;
        let rules = serde_json::from_value(row.rules).map_err(|error| StoreError::Unknown {
            what: "run rules",
            value: error.to_string(),
        })?;
        Ok(Self {
            attempt: row.attempt,
            created_at: row.created_at,
            not_before: row.not_before,
            job_uid: row.job_uid,
            pod_uid: row.pod_uid,
            pod_name: row.pod_name,
            claimed_at: row.claimed_at,
            node: row.node,
            rules,
            started_at: row.started_at,
            start_recorded_at: row.start_recorded_at,
            ended_at: row.ended_at,
            settled_at: row.settled_at,
            logs_abandoned_at: row.logs_abandoned_at,
            obstacle: read_obstacle(row.obstacle.as_deref(), row.obstacle_message),
            reason,
            message: row.message,
        })
    }
}
