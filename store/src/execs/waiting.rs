//! What an exec that waits is waiting for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId, ExecState, Phase};
use uuid::Uuid;

use super::Exec;
use crate::StoreError;
use crate::admission::{HeldBy, read_held};
use crate::lifecycle::{Obstacle, read_obstacle};
use crate::schema::{exec_attempts, exec_events};
use crate::statement::statement;

/// How far an exec that waits has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// It has not been admitted.
    Queued(QueuedWait),
    /// Its current attempt is under way.
    Attempt(AttemptWait),
}

/// A place in the queue of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedWait {
    /// From 1; [`COUNTED`](crate::page::COUNTED) stands for that or more.
    pub place: i64,
    /// What holds the queue back, and the number that is its bound.
    pub held: Option<(HeldBy, usize)>,
    /// How many execs of its job hold a place.
    pub running_of_job: i64,
}

/// An attempt whose program was not seen running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptWait {
    /// When it was decided on.
    pub created_at: DateTime<Utc>,
    /// When it may begin, if it follows a failed one.
    pub not_before: Option<DateTime<Utc>>,
    /// Uid of its Job, once there is one.
    pub job_uid: Option<String>,
    /// When its pod was let through to the nodes.
    pub claimed_at: Option<DateTime<Utc>>,
    /// Its node, once it has one, and when it was given that.
    pub placement: Option<(String, DateTime<Utc>)>,
    /// What was last told of what keeps it from running, and since when.
    pub obstacle: Option<(Obstacle, DateTime<Utc>)>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = exec_attempts)]
struct AttemptRow {
    created_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    job_uid: Option<String>,
    claimed_at: Option<DateTime<Utc>>,
    node: Option<String>,
    obstacle: Option<String>,
    obstacle_message: Option<String>,
    obstacle_since: Option<DateTime<Utc>>,
}

statement! {
    QueuedQuery {
        exec: Uuid as SqlUuid,
    } -> (BigInt, Nullable<Text>, Nullable<Integer>, BigInt) = "
        SELECT
            (SELECT count(*) FROM (
                SELECT FROM execs other
                    WHERE other.region = own.region AND other.namespace = own.namespace
                        AND other.state = 'waiting' AND other.attempt = 0
                        AND other.cancel_requested_at IS NULL
                        AND (other.lane > own.lane
                            OR (other.lane = own.lane AND other.id <= own.id))
                    LIMIT 10000
            ) counted),
            queues.held_by, queues.bound,
            (SELECT count(*) FROM execs other
                WHERE other.region = own.region AND other.namespace = own.namespace
                    AND other.job_id = own.job_id
                    AND other.state IN ('waiting', 'running') AND other.attempt > 0)
        FROM execs own
            LEFT JOIN queues ON (queues.region, queues.namespace) = (own.region, own.namespace)
        WHERE own.id = ?";
}

/// What this exec waits for; none if it is gone, or runs on a node that answers.
pub async fn waiting(
    conn: &mut AsyncPgConnection,
    exec: &Exec,
) -> Result<Option<Wait>, StoreError> {
    if exec.attempt > 0 {
        let attempt = attempt(conn, exec.id, exec.attempt).await?;
        let waits = |attempt: &AttemptWait| {
            let obstacle = attempt.obstacle.as_ref();
            exec.state == ExecState::Waiting
                || obstacle.is_some_and(|(told, _)| told.phase == Phase::NodeUnreachable)
        };
        return Ok(attempt.filter(waits).map(Wait::Attempt));
    }
    let query = QueuedQuery { exec: exec.id.0 };
    let found: Option<(i64, Option<String>, Option<i32>, i64)> =
        query.get_result(conn).await.optional()?;
    let Some((place, held_by, bound, running_of_job)) = found else {
        return Ok(None);
    };
    Ok(Some(Wait::Queued(QueuedWait {
        place,
        held: read_held(held_by, bound)?,
        running_of_job,
    })))
}

async fn attempt(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    attempt: i32,
) -> Result<Option<AttemptWait>, StoreError> {
    let its_placement = exec_events::exec_id
        .eq(exec_attempts::exec_id)
        .and(exec_events::attempt.eq(exec_attempts::attempt))
        .and(exec_events::kind.eq(EventKind::Pulling.as_str()));
    let found: Option<(AttemptRow, Option<DateTime<Utc>>)> = exec_attempts::table
        .left_join(exec_events::table.on(its_placement))
        .filter(exec_attempts::exec_id.eq(exec.0))
        .filter(exec_attempts::attempt.eq(attempt))
        .select((AttemptRow::as_select(), exec_events::at.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|(row, placed_at)| AttemptWait {
        created_at: row.created_at,
        not_before: row.not_before,
        job_uid: row.job_uid,
        claimed_at: row.claimed_at,
        placement: row.node.zip(placed_at),
        obstacle: read_obstacle(row.obstacle.as_deref(), row.obstacle_message)
            .zip(row.obstacle_since),
    }))
}
