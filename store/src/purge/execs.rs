//! Old execs, with everything that is theirs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use shared_types::{ExecId, JobId, SecretId};
use uuid::Uuid;

use super::delete_secrets;
use crate::StoreError;
use crate::schema::{exec_attempts, exec_events, execs, log_chunks, log_streams};
use crate::statement::statement;

/// Execs of a job that were triggered before an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// The job.
    pub job: JobId,
    /// Where to look on: those triggered earlier were looked at. Until Postgres has tidied
    /// up, a look from the beginning passes over all that were removed.
    pub from: DateTime<Utc>,
    /// The instant.
    pub before: DateTime<Utc>,
}

impl Expired {
    /// All of this job that were triggered before this instant.
    #[must_use]
    pub const fn new(job: JobId, before: DateTime<Utc>) -> Self {
        let from = DateTime::UNIX_EPOCH;
        Self { job, from, before }
    }
}

/// What went with a batch of execs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Execs.
    pub execs: usize,
    /// Pieces of their logs.
    pub chunks: usize,
}

/// An exec may go that ended before `?` and whose output is stored, or given up, for good.
macro_rules! settled {
    () => {
        "execs.state NOT IN ('waiting', 'running') AND execs.ended_at < ?
            AND NOT EXISTS (SELECT FROM log_streams open
                WHERE open.exec_id = execs.id AND open.sealed_at IS NULL)"
    };
}

statement! {
    DeletedQuery {
        deleted_before: DateTime<Utc> as Timestamptz,
        ended_before: DateTime<Utc> as Timestamptz,
        limit: i64 as BigInt,
    } -> SqlUuid = concat!(
        "SELECT execs.id FROM execs WHERE execs.deleted_at < ? AND ",
        settled!(),
        " ORDER BY execs.deleted_at LIMIT ?",
    );
}

/// Execs that were deleted, and ended, before this instant; `limit` at most.
pub async fn deleted(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ExecId>, StoreError> {
    let query = DeletedQuery {
        deleted_before: before,
        ended_before: before,
        limit,
    };
    Ok(exec_ids(query.load(conn).await?))
}

statement! {
    ExpiredQuery {
        jobs: Vec<i64> as Array<BigInt>,
        froms: Vec<DateTime<Utc>> as Array<Timestamptz>,
        cutoffs: Vec<DateTime<Utc>> as Array<Timestamptz>,
        ended_before: DateTime<Utc> as Timestamptz,
        each: i64 as BigInt,
        limit: i64 as BigInt,
    } -> (SqlUuid, BigInt, Timestamptz) = concat!(
        "SELECT old.id, job.id, old.created_at
        FROM unnest(?, ?, ?) AS job (id, looked_from, cutoff) CROSS JOIN LATERAL (
            SELECT execs.id, execs.created_at FROM execs
            WHERE execs.job_id = job.id AND execs.deleted_at IS NULL
                AND execs.created_at >= job.looked_from AND execs.created_at < job.cutoff AND ",
        settled!(),
        " ORDER BY execs.created_at, execs.id LIMIT ?) old LIMIT ?",
    );
}

/// Execs of these jobs that are so old and ended before this instant, those of each job
/// oldest first; `limit` at most. The next call looks on from there.
pub async fn expired(
    conn: &mut AsyncPgConnection,
    jobs: &mut [Expired],
    ended_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ExecId>, StoreError> {
    let query = ExpiredQuery {
        jobs: jobs.iter().map(|expired| expired.job.0).collect(),
        froms: jobs.iter().map(|expired| expired.from).collect(),
        cutoffs: jobs.iter().map(|expired| expired.before).collect(),
        ended_before,
        each: limit,
        limit,
    };
    let found: Vec<(Uuid, i64, DateTime<Utc>)> = query.load(conn).await?;
    let newest: BTreeMap<i64, DateTime<Utc>> =
        found.iter().map(|&(_, job, at)| (job, at)).collect();
    for expired in jobs {
        expired.from = newest.get(&expired.job.0).map_or(expired.from, |at| *at);
    }
    Ok(exec_ids(found.into_iter().map(|(id, ..)| id).collect()))
}

statement! {
    ExcessQuery {
        kept: i64 as BigInt,
        counted: String as Text,
        ended_before: DateTime<Utc> as Timestamptz,
        each: i64 as BigInt,
        namespace: String as Text,
        limit: i64 as BigInt,
    } -> SqlUuid = concat!(
        "WITH excess (execs) AS (
            SELECT coalesce(sum(exec_counts.count), 0)::bigint - ?
            FROM exec_counts JOIN jobs ON jobs.id = exec_counts.job_id WHERE jobs.namespace = ?
        )
        SELECT old.id FROM jobs CROSS JOIN LATERAL (
            SELECT execs.id, execs.created_at FROM execs
            WHERE execs.job_id = jobs.id AND execs.deleted_at IS NULL AND ",
        settled!(),
        " ORDER BY execs.created_at, execs.id LIMIT ?) old
        WHERE jobs.namespace = ? ORDER BY old.created_at, old.id
        LIMIT greatest(0, least(?, (SELECT execs FROM excess)))",
    );
}

/// The oldest execs of a namespace that has more than `kept`, as many as are too many;
/// `limit` at most.
pub async fn excess(
    conn: &mut AsyncPgConnection,
    namespace: &str,
    (kept, ended_before): (i64, DateTime<Utc>),
    limit: i64,
) -> Result<Vec<ExecId>, StoreError> {
    let query = ExcessQuery {
        kept,
        counted: namespace.to_owned(),
        ended_before,
        each: limit,
        namespace: namespace.to_owned(),
        limit,
    };
    Ok(exec_ids(query.load(conn).await?))
}

fn exec_ids(ids: Vec<Uuid>) -> Vec<ExecId> {
    ids.into_iter().map(ExecId).collect()
}

/// Removes these execs with their attempts, timelines and logs, and the secrets that
/// nothing else names.
pub async fn remove(conn: &mut AsyncPgConnection, gone: &[ExecId]) -> Result<Purged, StoreError> {
    let ids: Vec<Uuid> = gone.iter().map(|exec| exec.0).collect();
    let chunks = diesel::delete(log_chunks::table.filter(log_chunks::exec_id.eq_any(&ids)))
        .execute(conn)
        .await?;
    diesel::delete(log_streams::table.filter(log_streams::exec_id.eq_any(&ids)))
        .execute(conn)
        .await?;
    diesel::delete(exec_events::table.filter(exec_events::exec_id.eq_any(&ids)))
        .execute(conn)
        .await?;
    diesel::delete(exec_attempts::table.filter(exec_attempts::exec_id.eq_any(&ids)))
        .execute(conn)
        .await?;
    let removed: Vec<(i64, Option<Value>)> =
        diesel::delete(execs::table.filter(execs::id.eq_any(&ids)))
            .returning((
                execs::job_id,
                sql::<Nullable<Jsonb>>("nullif(spec -> 'secret_vars', '{}')"),
            ))
            .get_results(conn)
            .await?;
    let mut named: BTreeMap<i64, Vec<SecretId>> = BTreeMap::new();
    for (job, secrets) in &removed {
        let ids = secrets
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|it| it.values());
        let ids = ids.filter_map(Value::as_i64).map(SecretId);
        named.entry(*job).or_default().extend(ids);
    }
    for (job, mut ids) in named {
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            delete_secrets(conn, JobId(job), &ids).await?;
        }
    }
    Ok(Purged {
        execs: removed.len(),
        chunks,
    })
}
