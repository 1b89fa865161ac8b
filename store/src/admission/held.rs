//! What holds the queues of namespaces back, left by each round for the API to tell.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::StoreError;
use crate::schema::queues;

/// What holds execs of a namespace back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// The region has no place left.
    Region,
    /// The namespace has as many as it may.
    Namespace,
    /// The namespace has started as many as it may in this time.
    StartRate,
}

impl HeldBy {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Namespace => "namespace",
            Self::StartRate => "start_rate",
        }
    }

    /// Reads the word written by [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Region, Self::Namespace, Self::StartRate]
            .into_iter()
            .find(|held_by| held_by.as_str() == word)
    }
}

/// The state of a namespace's queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// What holds it back, and the number that is its bound.
    pub held: Option<(HeldBy, usize)>,
    /// Until when the starts that it has had reach, at its start rate.
    pub paced_until: Option<DateTime<Utc>>,
}

/// The queues of the region that were ever held back.
pub async fn queues(
    conn: &mut AsyncPgConnection,
    region: &str,
) -> Result<HashMap<String, Queue>, StoreError> {
    type Row = (String, Option<String>, Option<i32>, Option<DateTime<Utc>>);
    let rows: Vec<Row> = queues::table
        .filter(queues::region.eq(region))
        .select((
            queues::namespace,
            queues::held_by,
            queues::bound,
            queues::paced_until,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(namespace, held_by, bound, paced_until)| {
            let held = read_held(held_by, bound)?;
            Ok((namespace, Queue { held, paced_until }))
        })
        .collect()
}

/// What holds a queue back, as it is kept.
pub(crate) fn read_held(
    held_by: Option<String>,
    bound: Option<i32>,
) -> Result<Option<(HeldBy, usize)>, StoreError> {
    let bound = bound.and_then(|bound| usize::try_from(bound).ok());
    held_by
        .map(|word| {
            let held_by = HeldBy::parse(&word).ok_or(StoreError::Unknown {
                what: "bound of a queue",
                value: word,
            })?;
            Ok((held_by, bound.unwrap_or_default()))
        })
        .transpose()
}

/// Keeps how these queues are.
pub async fn keep_queues(
    conn: &mut AsyncPgConnection,
    region: &str,
    changed: &[(String, Queue)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = changed
        .iter()
        .map(|(namespace, queue)| {
            let (held_by, bound) = queue.held.unzip();
            (
                queues::region.eq(region),
                queues::namespace.eq(namespace),
                queues::held_by.eq(held_by.map(HeldBy::as_str)),
                queues::bound.eq(bound.map(|bound| i32::try_from(bound).unwrap_or(i32::MAX))),
                queues::paced_until.eq(queue.paced_until),
            )
        })
        .collect();
    diesel::insert_into(queues::table)
        .values(rows)
        .on_conflict((queues::region, queues::namespace))
        .do_update()
        .set((
            queues::held_by.eq(excluded(queues::held_by)),
            queues::bound.eq(excluded(queues::bound)),
            queues::paced_until.eq(excluded(queues::paced_until)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
