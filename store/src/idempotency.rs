//! `idempotency_keys`: what a request that carried a key was answered, so that
//! sending it again does nothing again. The row is written first and in the
//! transaction of the effect: of two requests with one key the second waits
//! for the first, and finds its answer or, if it failed, a free key.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::schema::idempotency_keys as keys;

/// How long an answer is kept, in hours.
pub const KEPT_HOURS: i32 = 24;

/// A request that is to be done once.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Whose key it is.
    pub caller: &'a str,
    /// The key, as the client chose it.
    pub key: &'a str,
    /// Which secret key the digest was made with.
    pub key_id: &'a str,
    /// Digest of everything that makes the request the same.
    pub digest: [u8; 32],
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the work is to be done, and [`finish`] called, in this transaction.
    New,
    /// A request with this key was answered.
    Answered(Answered),
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which secret key the digest was made with.
    pub key_id: String,
    /// Digest of the request that was answered.
    pub digest: Vec<u8>,
    /// HTTP status.
    pub status: i16,
    /// The sealed body.
    pub answer: Vec<u8>,
}

/// Takes the key, waiting for whoever holds it now.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    request: Request<'_>,
) -> Result<Begun, StoreError> {
    loop {
        if take(conn, request).await? {
            return Ok(Begun::New);
        }
        if let Some(answered) = answered(conn, request).await? {
            return Ok(Begun::Answered(answered));
        }
        // It was purged between the two statements.
    }
}

/// Keeps the answer; the key is taken from now on.
pub async fn finish(
    conn: &mut AsyncPgConnection,
    request: Request<'_>,
    status: i16,
    answer: &[u8],
) -> Result<(), StoreError> {
    diesel::update(keys::table.find((request.caller, request.key)))
        .set((keys::status.eq(status), keys::answer.eq(answer)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets answers that have been kept long enough; says how many.
pub async fn purge(conn: &mut AsyncPgConnection) -> Result<usize, StoreError> {
    let old = keys::created_at.lt(now.into_sql::<Timestamptz>() - KEPT_HOURS.hours());
    let rows = diesel::delete(keys::table);
    Ok(rows.filter(old).execute(conn).await?)
}

/// True if the key was free, or its answer has been kept long enough.
async fn take(conn: &mut AsyncPgConnection, request: Request<'_>) -> Result<bool, StoreError> {
    let row = || {
        (
            keys::key_id.eq(request.key_id),
            keys::digest.eq(request.digest.as_slice()),
            keys::status.eq(None::<i16>),
            keys::answer.eq(None::<Vec<u8>>),
        )
    };
    let taken = diesel::insert_into(keys::table)
        .values((
            keys::caller.eq(request.caller),
            keys::key.eq(request.key),
            row(),
        ))
        .on_conflict((keys::caller, keys::key))
        .do_update()
        .set((row(), keys::created_at.eq(now)))
        .filter(keys::created_at.lt(now.into_sql::<Timestamptz>() - KEPT_HOURS.hours()))
        .execute(conn)
        .await?;
    Ok(taken == 1)
}

async fn answered(
    conn: &mut AsyncPgConnection,
    request: Request<'_>,
) -> Result<Option<Answered>, StoreError> {
    type Row = (String, Vec<u8>, Option<i16>, Option<Vec<u8>>);
    let row: Option<Row> = keys::table
        .find((request.caller, request.key))
        .select((keys::key_id, keys::digest, keys::status, keys::answer))
        .first(conn)
        .await
        .optional()?;
    let Some((key_id, digest, status, answer)) = row else {
        return Ok(None);
    };
    // No transaction that took the key commits without an answer.
    let (Some(status), Some(answer)) = (status, answer) else {
        return Err(StoreError::Unknown {
            what: "state of an idempotency key: it has no answer",
            value: request.key.to_owned(),
        });
    };
    Ok(Some(Answered {
        key_id,
        digest,
        status,
        answer,
    }))
}
