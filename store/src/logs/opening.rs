//! How a writer gets its stream, or finds out that it lost it.

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as OnConflictFilter;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{StreamKey, Writer, reader, stream};
use crate::StoreError;
use crate::schema::log_streams;

/// What [`open`] found.
#[derive(Debug)]
pub enum Opened {
    /// The stream is this writer's now; earlier writers can write no more.
    Writer(Writer),
    /// It was closed for good.
    Sealed,
    /// The database knows no such exec.
    UnknownExec,
}

/// What [`reload`] found.
#[derive(Debug)]
pub enum Reload {
    /// The stream is still this writer's and stands here.
    Writer(Writer),
    /// Another writer opened it.
    Fenced,
    /// It was closed for good.
    Sealed,
}

/// Takes the stream over, or makes it. From its commit on no earlier writer
/// can change it.
pub async fn open(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    region: &str,
    pod_uid: &str,
) -> Result<Opened, StoreError> {
    let take_over = diesel::insert_into(log_streams::table)
        .values((
            log_streams::exec_id.eq(key.exec.0),
            log_streams::attempt.eq(key.attempt),
            log_streams::region.eq(region),
            log_streams::pod_uid.eq(pod_uid),
        ))
        .on_conflict((log_streams::exec_id, log_streams::attempt))
        .do_update()
        .set(log_streams::epoch.eq(log_streams::epoch + 1));
    let epoch: Result<Option<i64>, QueryError> =
        OnConflictFilter::filter(take_over, log_streams::sealed_at.is_null())
            .returning(log_streams::epoch)
            .get_result(conn)
            .await
            .optional();
    let epoch = match epoch {
        Err(QueryError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            return Ok(Opened::UnknownExec);
        }
        Err(error) => return Err(error.into()),
        Ok(None) => return Ok(Opened::Sealed),
        // A new row, so there is nothing to read back.
        Ok(Some(1)) => return Ok(Opened::Writer(Writer::first(key))),
        Ok(Some(epoch)) => epoch,
    };
    Ok(match reload(conn, key, epoch).await? {
        Reload::Writer(writer) => Opened::Writer(writer),
        Reload::Sealed => Opened::Sealed,
        // Overtaken already, as the first append of this outdated writer says.
        Reload::Fenced => Opened::Writer(Writer::first(key)),
    })
}

/// Where the stream stands for the holder of `epoch`: needed after a failed
/// transaction, which may have been committed all the same.
pub async fn reload(
    conn: &mut AsyncPgConnection,
    key: StreamKey,
    epoch: i64,
) -> Result<Reload, StoreError> {
    let Some(stream) = super::get(conn, key).await? else {
        return Ok(Reload::Fenced);
    };
    if stream.sealed_at.is_some() {
        return Ok(Reload::Sealed);
    }
    if stream.epoch != epoch {
        return Ok(Reload::Fenced);
    }
    let last = reader::last_chunk(conn, key).await?;
    let digest = stream::digest_state(conn, key).await?;
    Ok(Reload::Writer(Writer::of(
        key,
        &stream,
        last,
        digest.as_deref(),
    )))
}
