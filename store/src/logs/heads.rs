//! How much there is of many logs, for who waits for more.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::ExecId;
use uuid::Uuid;

use crate::StoreError;
use crate::schema::log_streams;

/// How much there is of an exec's log; it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Lines of all attempts.
    pub lines: i64,
    /// Attempts that have a stream.
    pub streams: usize,
    /// Those of them that are sealed.
    pub sealed: usize,
}

/// The heads of these execs, of those that have a stream.
pub async fn heads(
    conn: &mut AsyncPgConnection,
    execs: &[ExecId],
) -> Result<HashMap<ExecId, Head>, StoreError> {
    let ids: Vec<_> = execs.iter().map(|exec| exec.0).collect();
    let rows: Vec<(Uuid, i64, bool)> = log_streams::table
        .filter(log_streams::exec_id.eq_any(ids))
        .select((
            log_streams::exec_id,
            log_streams::next_seq,
            log_streams::sealed_at.is_not_null(),
        ))
        .load(conn)
        .await?;
    let mut heads: HashMap<_, Head> = HashMap::new();
    for (exec, lines, is_sealed) in rows {
        let head = heads.entry(ExecId(exec)).or_default();
        head.lines += lines;
        head.streams += 1;
        head.sealed += usize::from(is_sealed);
    }
    Ok(heads)
}
