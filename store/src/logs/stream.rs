//! The rows of `log_streams` as others see them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::ExecId;
use uuid::Uuid;

use super::gap::Gaps;
use super::{LeftOut, StreamKey, trim, writing};
use crate::StoreError;
use crate::schema::{exec_attempts, execs, log_chunks, log_streams};

/// How far one attempt's output has been stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = log_streams)]
pub struct Stream {
    /// The attempt.
    pub attempt: i32,
    /// Number of its writers so far; the last of them may write.
    pub epoch: i64,
    /// Number of the next line, so also how many there are.
    pub next_seq: i64,
    /// Bytes of all lines, without newlines.
    pub bytes: i64,
    /// When its first writer came.
    pub opened_at: DateTime<Utc>,
    /// When it was closed for good.
    pub sealed_at: Option<DateTime<Utc>>,
    /// Of a sealed stream: whether every line is there.
    pub complete: Option<bool>,
    /// Why lines may be missing.
    pub message: Option<String>,
    /// Of a sealed stream: whether its last line had no newline.
    pub ends_mid_line: bool,
    /// Of a sealed stream: SHA-256 of its lines, each with its newline; `None` if some
    /// were left out, or a version that makes no digests wrote some.
    pub sha256: Option<Vec<u8>>,
    /// Where the node had discarded lines.
    pub gaps: Gaps,
    /// What lies between the beginning and the end that are kept.
    pub left_out: Option<LeftOut>,
    /// When the purge found it too old. The lines that it had are gone.
    pub removed_at: Option<DateTime<Utc>>,
    /// Of a sealed stream: whether every line that was printed is there, as the program itself
    /// has proved.
    pub proven: bool,
}

/// Why the lines of a stream are gone.
pub const REMOVED: &str = "it is older than logs are kept";

impl Stream {
    /// When its lines were removed, if it had any.
    pub fn lines_removed_at(&self) -> Option<DateTime<Utc>> {
        self.removed_at.filter(|_| self.next_seq > 0)
    }

    /// Of a sealed stream: why lines may be missing after its last one, if they may.
    pub fn cut_off(&self) -> Option<&str> {
        let message = self.message.as_deref().unwrap_or("lines may be missing");
        let is_told_in_place = [writing::GAP, trim::LEFT_OUT].contains(&message);
        (self.complete == Some(false) && !is_told_in_place).then_some(message)
    }
}

/// A stream that somebody has to seal, and the pod it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadStream {
    /// The stream.
    pub key: StreamKey,
    /// Its pod.
    pub pod_uid: String,
}

impl From<(Uuid, i32, String)> for UnreadStream {
    fn from((exec, attempt, pod_uid): (Uuid, i32, String)) -> Self {
        let exec = ExecId(exec);
        Self {
            key: StreamKey { exec, attempt },
            pod_uid,
        }
    }
}

/// The streams of an exec, by attempt.
pub async fn list(conn: &mut AsyncPgConnection, exec: ExecId) -> Result<Vec<Stream>, StoreError> {
    let mut streams = list_all(conn, &[exec]).await?;
    Ok(streams.remove(&exec).unwrap_or_default())
}

/// The same of several execs; of those that have one.
pub async fn list_all(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
) -> Result<HashMap<ExecId, Vec<Stream>>, StoreError> {
    let ids: Vec<_> = execs.iter().map(|exec| exec.0).collect();
    let rows: Vec<(Uuid, Stream)> = log_streams::table
        .filter(log_streams::exec_id.eq_any(ids))
        .order(log_streams::attempt)
        .select((log_streams::exec_id, Stream::as_select()))
        .load(conn)
        .await?;
    let mut streams: HashMap<_, Vec<_>> = HashMap::new();
    for (exec, stream) in rows {
        streams.entry(ExecId(exec)).or_default().push(stream);
    }
    Ok(streams)
}

/// One stream, if it was ever opened.
pub async fn get(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
) -> Result<Option<Stream>, StoreError> {
    Ok(log_streams::table
        .find((key.exec.0, key.attempt))
        .select(Stream::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// When the last lines were received: the latest instant of any.
pub async fn last_at(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(log_chunks::table
        .filter(log_chunks::exec_id.eq(key.exec.0))
        .filter(log_chunks::attempt.eq(key.attempt))
        .select(max(log_chunks::last_at))
        .first(conn)
        .await?)
}

/// The digest of an open stream, as its last writer left it.
pub(super) async fn digest_state(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<Option<Vec<u8>>> = log_streams::table
        .find((key.exec.0, key.attempt))
        .select(log_streams::digest_state)
        .first(conn)
        .await
        .optional()?;
    Ok(found.flatten())
}

/// The open streams of a region.
pub async fn unsealed(
    conn: &mut AsyncPgConnection,
    region: &str,
) -> Result<Vec<UnreadStream>, StoreError> {
    let rows: Vec<(Uuid, i32, String)> = log_streams::table
        .filter(log_streams::region.eq(region))
        .filter(log_streams::sealed_at.is_null())
        .select((
            log_streams::exec_id,
            log_streams::attempt,
            log_streams::pod_uid,
        ))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(UnreadStream::from).collect())
}

/// Ended attempts without a sealed, or even an opened, stream, of execs of a region of
/// which the executor gave up a log.
pub async fn abandoned(
    conn: &mut AsyncPgConnection,
    region: &str,
) -> Result<Vec<UnreadStream>, StoreError> {
    let of_stream = log_streams::exec_id
        .eq(exec_attempts::exec_id)
        .and(log_streams::attempt.eq(exec_attempts::attempt));
    let rows: Vec<(Uuid, i32, String)> = execs::table
        .inner_join(exec_attempts::table.on(exec_attempts::exec_id.eq(execs::id)))
        .left_join(log_streams::table.on(of_stream))
        .filter(execs::region.eq(region))
        .filter(execs::logs_abandoned_at.is_not_null())
        // A later attempt may have a pod that is about to run.
        .filter(
            execs::ended_at
                .is_not_null()
                .or(exec_attempts::attempt.lt(execs::attempt)),
        )
        .filter(log_streams::sealed_at.is_null())
        .filter(exec_attempts::pod_uid.is_not_null())
        .select((
            exec_attempts::exec_id,
            exec_attempts::attempt,
            exec_attempts::pod_uid.assume_not_null(),
        ))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(UnreadStream::from).collect())
}

/// When the executor gave up waiting for this log, if it did.
pub async fn abandoned_at(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let found: Option<Option<DateTime<Utc>>> = exec_attempts::table
        .find((key.exec.0, key.attempt))
        .select(exec_attempts::logs_abandoned_at)
        .first(conn)
        .await
        .optional()?;
    Ok(found.flatten())
}
