//! What must not go on from where a backup was made: since then the same schedules fired
//! and the same execs ran, and the backup does not know of it.

use diesel::dsl::{not, now};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::{backfills, schedules};
use crate::{StoreError, clock, execs};

/// What was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBack {
    /// Schedules that go on from now.
    pub schedules: usize,
    /// Execs that waited, and are asked to end.
    pub execs: usize,
    /// Backfills that were not done, and are dropped.
    pub backfills: usize,
}

/// Lets nothing start that may have started already: active schedules begin a new
/// generation now, so that instants since the backup are accounted for and do not fire;
/// waiting execs are cancelled by `by`, and backfills dropped. Must run in a transaction,
/// while no service runs.
pub async fn hold_back(conn: &mut AsyncPgConnection, by: &str) -> Result<HeldBack, StoreError> {
    let from = clock::now(conn).await?;
    let schedules = diesel::update(schedules::table)
        .filter(schedules::active)
        .filter(not(schedules::mode.is_null()))
        .set((
            schedules::effective_from.eq(from),
            schedules::generation.eq(schedules::generation + 1),
        ))
        .execute(conn)
        .await?;
    let backfills = diesel::update(backfills::table)
        .filter(backfills::dropped_at.is_null())
        .filter(backfills::ended_at.is_null())
        .set(backfills::dropped_at.eq(now))
        .execute(conn)
        .await?;
    Ok(HeldBack {
        schedules,
        execs: execs::cancel_waiting(conn, by).await?,
        backfills,
    })
}
