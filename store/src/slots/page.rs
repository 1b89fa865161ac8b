//! Pages of a job's ledger. Entries of one instant and ranges are found apart,
//! because a range is everywhere between its ends.

use chrono::{DateTime, Utc};
use diesel::dsl::{IntoBoxed, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared_types::JobId;

use super::{Row, Slot};
use crate::StoreError;
use crate::page::{Count, CountOf};
use crate::schema::slots;

/// Which entries of a job's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFilter {
    /// Whose.
    pub job: JobId,
    /// Instants from this one on.
    pub from: Option<DateTime<Utc>>,
    /// Instants before this one.
    pub until: Option<DateTime<Utc>>,
    /// Words of outcomes; all if there is none.
    pub outcomes: Vec<&'static str>,
}

/// A place between the entries of a job's ledger: all entries of later instants
/// lie after it, all of earlier ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotKey {
    /// The instant.
    pub slot_at: DateTime<Utc>,
    /// Of which edit of the schedule.
    pub generation: i64,
    /// The backfill, 0 for the schedule itself.
    pub backfill_id: i64,
}

impl Slot {
    /// Where its first instant is.
    pub fn key(&self) -> SlotKey {
        SlotKey {
            slot_at: self.first_at,
            generation: self.generation,
            backfill_id: self.backfill_id.unwrap_or(0),
        }
    }
}

/// Ranges that one instant may lie in: more than there are fates.
const AROUND: i64 = 8;

/// Entries of one instant beyond a key: newest first, or oldest first.
pub async fn singles(
    conn: &mut AsyncPgConnection,
    filter: &SlotFilter,
    (key, is_ascending): (Option<SlotKey>, bool),
    limit: i64,
) -> Result<Vec<Slot>, StoreError> {
    use slots::{backfill_id, first_at, generation};
    let mut query = filtered(filter)
        .filter(sql::<Bool>("count = 1"))
        .limit(limit);
    if let Some(from) = filter.from {
        query = query.filter(first_at.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(first_at.lt(until));
    }
    // The first condition is there for the index.
    if let Some(key) = key {
        let at = key.slot_at;
        query = if is_ascending {
            let tie = generation.gt(key.generation).or(generation
                .eq(key.generation)
                .and(backfill_id.gt(key.backfill_id)));
            query
                .filter(first_at.ge(at))
                .filter(first_at.gt(at).or(first_at.eq(at).and(tie)))
        } else {
            let tie = generation.lt(key.generation).or(generation
                .eq(key.generation)
                .and(backfill_id.lt(key.backfill_id)));
            query
                .filter(first_at.le(at))
                .filter(first_at.lt(at).or(first_at.eq(at).and(tie)))
        };
    }
    let query = if is_ascending {
        query.order((first_at.asc(), generation.asc(), backfill_id.asc()))
    } else {
        query.order((first_at.desc(), generation.desc(), backfill_id.desc()))
    };
    read(query.select(Row::as_select()).load(conn).await?)
}

/// Ranges that may have an instant among the next `limit` ones from an instant
/// on, or before it.
pub async fn ranges(
    conn: &mut AsyncPgConnection,
    filter: &SlotFilter,
    (at, is_ascending): (Option<DateTime<Utc>>, bool),
    limit: i64,
) -> Result<Vec<Slot>, StoreError> {
    let (from, until) = if is_ascending {
        (filter.from.max(at), filter.until)
    } else {
        let until = [filter.until, at].into_iter().flatten().min();
        (filter.from, until)
    };
    let mut query = within(filter, from, until).limit(limit + AROUND);
    query = if is_ascending {
        query.order(slots::first_at.asc())
    } else {
        query.order(slots::last_at.desc())
    };
    read(query.select(Row::as_select()).load(conn).await?)
}

/// How many entries of one instant there are, up to the limit of counting.
pub async fn count_singles(
    conn: &mut AsyncPgConnection,
    filter: &SlotFilter,
) -> Result<Count, StoreError> {
    let mut query = filtered(filter).filter(sql::<Bool>("count = 1"));
    if let Some(from) = filter.from {
        query = query.filter(slots::first_at.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(slots::first_at.lt(until));
    }
    let query = query.select(slots::first_at).limit(Count::LIMIT);
    Ok(Count::up_to(CountOf(query).get_result(conn).await?))
}

/// How many instants the ranges have that lie wholly within the filter's times,
/// and the ranges that they cut.
pub async fn count_ranges(
    conn: &mut AsyncPgConnection,
    filter: &SlotFilter,
) -> Result<(i64, Vec<Slot>), StoreError> {
    let (from, until) = (filter.from, filter.until);
    let mut whole = within(filter, from, until);
    let mut cut = within(filter, from, until).limit(2 * AROUND);
    let first = from.unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    match (from, until) {
        (None, None) => cut = cut.limit(0),
        (_, None) => {
            whole = whole.filter(slots::first_at.ge(first));
            cut = cut.filter(slots::first_at.lt(first));
        }
        (None, Some(until)) => {
            whole = whole.filter(slots::last_at.lt(until));
            cut = cut.filter(slots::last_at.ge(until));
        }
        (Some(from), Some(until)) => {
            whole = whole
                .filter(slots::first_at.ge(from))
                .filter(slots::last_at.lt(until));
            cut = cut.filter(slots::first_at.lt(from).or(slots::last_at.ge(until)));
        }
    }
    let cut = read(cut.select(Row::as_select()).load(conn).await?)?;
    // A sum of bigints is a numeric, which need not be: counts are of years of
    // microseconds at most.
    let sum = sql::<BigInt>("coalesce(sum(count), 0)::bigint");
    Ok((whole.select(sum).get_result(conn).await?, cut))
}

type Query<'a> = IntoBoxed<'a, slots::table, Pg>;

fn filtered(filter: &SlotFilter) -> Query<'_> {
    let mut query = slots::table.into_boxed();
    query = query.filter(slots::job_id.eq(filter.job.0));
    if !filter.outcomes.is_empty() {
        query = query.filter(slots::outcome.eq_any(&filter.outcomes));
    }
    query
}

/// Ranges that overlap `from..until`. A literal, so that every plan can use their
/// index.
fn within(
    filter: &SlotFilter,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Query<'_> {
    let mut query = filtered(filter).filter(sql::<Bool>("count > 1"));
    if let Some(from) = from {
        query = query.filter(slots::last_at.ge(from));
    }
    if let Some(until) = until {
        query = query.filter(slots::first_at.lt(until));
    }
    query
}

fn read(rows: Vec<Row>) -> Result<Vec<Slot>, StoreError> {
    rows.into_iter().map(Slot::try_from).collect()
}
