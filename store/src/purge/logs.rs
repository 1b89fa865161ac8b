//! Logs that are older than their execs may become.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::StoreError;
use crate::statement::statement;

/// Bytes of lines of one batch; the last log of it may be larger.
const BATCH_BYTES: i64 = 64 * 1024 * 1024;

/// Logs that were sealed before an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldLogs {
    /// Where to look on: those sealed earlier were looked at.
    pub from: DateTime<Utc>,
    /// The instant.
    pub before: DateTime<Utc>,
    /// The instants of namespaces that have another one.
    pub namespaces: BTreeMap<String, DateTime<Utc>>,
}

statement! {
    /// Bounded by the latest instant of any namespace, so that the index is enough.
    OldLogsQuery {
        from: DateTime<Utc> as Timestamptz,
        latest: DateTime<Utc> as Timestamptz,
        namespaces: Vec<String> as Array<Text>,
        cutoffs: Vec<DateTime<Utc>> as Array<Timestamptz>,
        before: DateTime<Utc> as Timestamptz,
        limit: i64 as BigInt,
    } -> (SqlUuid, Integer, BigInt, Timestamptz) =
        "SELECT stream.exec_id, stream.attempt, stream.bytes, stream.sealed_at
        FROM log_streams stream JOIN execs ON execs.id = stream.exec_id
        WHERE stream.removed_at IS NULL AND stream.sealed_at >= ? AND stream.sealed_at < ?
            AND stream.sealed_at < coalesce((SELECT named.cutoff
                FROM unnest(?, ?) named (namespace, cutoff)
                WHERE named.namespace = execs.namespace), ?)
        ORDER BY stream.sealed_at LIMIT ?
        FOR UPDATE OF stream SKIP LOCKED";
}

statement! {
    RemoveLines {
        execs: Vec<Uuid> as Array<SqlUuid>,
        attempts: Vec<i32> as Array<Integer>,
    } -> BigInt =
        "WITH marked AS (
            UPDATE log_streams stream SET removed_at = now()
            FROM unnest(?, ?) old (exec_id, attempt)
            WHERE stream.exec_id = old.exec_id AND stream.attempt = old.attempt
            RETURNING stream.exec_id, stream.attempt),
        gone AS (
            DELETE FROM log_chunks chunk USING marked
            WHERE chunk.exec_id = marked.exec_id AND chunk.attempt = marked.attempt
            RETURNING 1)
        SELECT count(*) FROM gone";
}

/// Removes the lines of a few old logs, `limit` at most; their seals stay. Says how many
/// pieces that were, or `None` when there are no more. The next call looks on from there.
/// Must run in a transaction of its own.
pub async fn old_logs(
    conn: &mut AsyncPgConnection,
    old: &mut OldLogs,
    limit: i64,
) -> Result<Option<usize>, StoreError> {
    let latest = old
        .namespaces
        .values()
        .copied()
        .fold(old.before, DateTime::max);
    let query = OldLogsQuery {
        from: old.from,
        latest,
        namespaces: old.namespaces.keys().cloned().collect(),
        cutoffs: old.namespaces.values().copied().collect(),
        before: old.before,
        limit,
    };
    let found: Vec<(Uuid, i32, i64, DateTime<Utc>)> = query.load(conn).await?;
    let mut bytes = 0;
    let batch = found.into_iter().take_while(|(.., size, _)| {
        let is_room = bytes < BATCH_BYTES;
        bytes += size;
        is_room
    });
    let (mut execs, mut attempts) = (Vec::new(), Vec::new());
    for (exec, attempt, _, sealed_at) in batch {
        execs.push(exec);
        attempts.push(attempt);
        old.from = sealed_at;
    }
    if execs.is_empty() {
        return Ok(None);
    }
    let query = RemoveLines { execs, attempts };
    let chunks: i64 = query.get_result(conn).await?;
    Ok(Some(usize::try_from(chunks).unwrap_or_default()))
}
