//! A cursor: `after.-created_at.<key>`. It names the order it was made for,
//! because a key says nothing in another one.

use chrono::{DateTime, Utc};
use shared_types::{ExecId, JobId};
use store::audit::RecordId;
use store::backfills::BackfillId;
use store::page::Position;
use store::slots::SlotKey;

use super::Sort;

/// What orders a list; no two rows have the same.
pub trait Key: Sized {
    /// Its text in a cursor.
    fn write(self) -> String;
    /// Reads what [`Key::write`] wrote.
    fn read(text: &str) -> Option<Self>;
}

impl Key for JobId {
    fn write(self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Key for ExecId {
    fn write(self) -> String {
        self.0.simple().to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for RecordId {
    fn write(self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Key for BackfillId {
    fn write(self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Key for SlotKey {
    fn write(self) -> String {
        let at = self.slot_at.timestamp_micros();
        format!("{at}.{}.{}", self.generation, self.backfill_id)
    }

    fn read(text: &str) -> Option<Self> {
        let (micros, rest) = text.split_once('.')?;
        let (generation, backfill) = rest.split_once('.')?;
        // Of the years that schedules know.
        let micros = micros
            .parse::<i64>()
            .ok()
            .filter(|at| at.unsigned_abs() < 1 << 56)?;
        Some(Self {
            slot_at: DateTime::from_timestamp_micros(micros)?,
            generation: generation.parse().ok()?,
            backfill_id: backfill.parse().ok()?,
        })
    }
}

impl Key for (String, JobId) {
    fn write(self) -> String {
        // The name comes last: it may hold anything.
        format!("{}.{}", self.1.write(), self.0)
    }

    fn read(text: &str) -> Option<Self> {
        let (id, name) = text.split_once('.')?;
        // No text in Postgres holds this character.
        (!name.contains('\0')).then_some((name.to_owned(), JobId::read(id)?))
    }
}

impl<K: Key> Key for (DateTime<Utc>, K) {
    fn write(self) -> String {
        format!("{}.{}", self.0.timestamp_micros(), self.1.write())
    }

    fn read(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        // Unsigned and of this millennium or so: what Postgres can compare.
        let micros = micros.parse::<u64>().ok().filter(|at| *at < 1 << 56)?;
        let at = DateTime::from_timestamp_micros(micros.try_into().ok()?)?;
        Some((at, K::read(id)?))
    }
}

/// The cursor of a position; counting from the start is none.
pub(super) fn write<K: Key>(position: Position<K>, sort: Sort) -> Option<String> {
    let (word, key) = match position {
        Position::Skip(_) => return None,
        Position::After(key) => ("after", key),
        Position::Before(key) => ("before", key),
    };
    Some(format!("{word}.{sort}.{}", key.write()))
}

/// Reads what [`write`] wrote for the same order.
pub(super) fn read<K: Key>(text: &str, sort: Sort) -> Result<Position<K>, String> {
    let parts = |text: &str| -> Option<Position<K>> {
        let (word, rest) = text.split_once('.')?;
        let (order, key) = rest.split_once('.')?;
        let key = K::read(key).filter(|_| order == sort.to_string())?;
        match word {
            "after" => Some(Position::After(key)),
            "before" => Some(Position::Before(key)),
            _ => None,
        }
    };
    parts(text)
        .ok_or_else(|| "is not from a link of this list in this order; begin without it".to_owned())
}
