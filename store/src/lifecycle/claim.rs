//! The claim: which pod of an attempt may start its program.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Bool, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::{EventKind, ExecId};
use uuid::Uuid;

use super::Applied;
use crate::StoreError;
use crate::statement::statement;

/// A pod that would be the one to start the program.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The attempt it was made for.
    pub attempt: i32,
    /// The pod's uid.
    pub pod_uid: String,
    /// Its name.
    pub pod_name: String,
    /// The moment of the claim.
    pub at: DateTime<Utc>,
}

statement! {
    /// One statement, because every exec passes here. The exec is locked first: whoever
    /// changes its state meanwhile has been waited for, and the newest row is what counts.
    ClaimStatement {
        exec: Uuid as SqlUuid,
        attempt: i32 as Integer,
        pod_uid: String as Text,
        pod_name: String as Text,
        at: DateTime<Utc> as Timestamptz,
        kind: &'static str as Text,
        message: String as Text,
    } -> (Bool,) = "
        WITH wanted (exec_id, attempt, pod_uid, pod_name, at, kind, message) AS (
            VALUES (?, ?, ?, ?, ?, ?, ?)
        ), locked AS (
            SELECT execs.id FROM execs JOIN wanted ON execs.id = wanted.exec_id
                WHERE execs.state = 'waiting' AND execs.attempt = wanted.attempt
                    AND execs.cancel_requested_at IS NULL
                FOR NO KEY UPDATE OF execs
        ), claimed AS (
            UPDATE exec_attempts
                SET pod_uid = wanted.pod_uid, pod_name = wanted.pod_name, claimed_at = wanted.at
                FROM locked, wanted
                WHERE exec_attempts.exec_id = locked.id
                    AND exec_attempts.attempt = wanted.attempt
                    AND exec_attempts.pod_uid IS NULL
                RETURNING exec_attempts.exec_id
        ), told AS (
            INSERT INTO exec_events (exec_id, attempt, kind, at, message)
                SELECT exec_id, attempt, kind, at, message FROM wanted
                    WHERE EXISTS (SELECT FROM claimed)
                ON CONFLICT DO NOTHING
        )
        SELECT EXISTS (SELECT FROM claimed) OR EXISTS (
            SELECT FROM exec_attempts
                JOIN locked ON exec_attempts.exec_id = locked.id
                JOIN wanted USING (attempt, pod_uid)
        )";
}

/// Makes this pod the only one that may start the program. Of any number of
/// pods and callers exactly one pod is claimed; claiming it again is the same.
/// Too late once the exec has ended, moved to another attempt, or is asked to
/// cancel.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    exec: ExecId,
    claim: &Claim,
) -> Result<Applied, StoreError> {
    let statement = ClaimStatement {
        exec: exec.0,
        attempt: claim.attempt,
        pod_uid: claim.pod_uid.clone(),
        pod_name: claim.pod_name.clone(),
        at: claim.at,
        kind: EventKind::Claimed.as_str(),
        message: format!("Pod {} was claimed.", claim.pod_name),
    };
    let (is_its,): (bool,) = statement.get_result(conn).await?;
    Ok(if is_its {
        Applied::Done
    } else {
        Applied::TooLate
    })
}
