//! Typed ids, so that a job's number cannot be passed for anything else.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job's number, given by the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a sealed value in the database. The value itself is in no spec, no
/// message and no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretId(pub i64);

/// An exec's id: a UUIDv7 (RFC 9562 §5.7), so that ids sort by creation time
/// and new rows land at the end of their indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecId(pub Uuid);

impl ExecId {
    /// A new id for an exec created now.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Less than, or the same as, every id that is made at this instant or later.
    pub fn first_of(instant: DateTime<Utc>) -> Self {
        let milliseconds = u128::try_from(instant.timestamp_millis()).unwrap_or_default();
        Self(Uuid::from_u128(milliseconds << 80))
    }

    /// The part of the work this exec belongs to.
    pub fn shard(self) -> Shard {
        Shard::of(self.0)
    }

    /// Name of the Kubernetes Job of one attempt; derived, so creating it
    /// twice is the same as creating it once.
    pub fn job_name(self, attempt: i32) -> String {
        format!("x-{}-{attempt}", self.0.simple())
    }
}

impl Default for ExecId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for ExecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ExecId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// One of the [`Shard::COUNT`] equal parts that replicas divide among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shard(u8);

impl Shard {
    /// How many shards there are; fixed for the life of a database.
    pub const COUNT: u8 = 64;

    // The last eight bytes of a UUIDv7 are random, but ids from elsewhere may
    // not be: folding all bytes keeps the spread even for both.
    fn of(id: Uuid) -> Self {
        let folded = id.as_bytes().iter().fold(0_u8, |hash, byte| {
            hash.rotate_left(3) ^ byte.wrapping_mul(0x9d)
        });
        Self(folded % Self::COUNT)
    }

    /// The shard's number, 0 to 63.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<JobId> for Shard {
    /// Numbers are given one after the other, so this is as even as can be.
    /// `schedules.shard` is computed in the same way by the database.
    fn from(job: JobId) -> Self {
        let shard = job.0.rem_euclid(Self::COUNT.into());
        Self(u8::try_from(shard).unwrap_or_default())
    }
}

/// A set of shards: what one replica has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shards(u64);

impl Shards {
    /// Every shard.
    pub const ALL: Self = Self(u64::MAX);

    /// Whether this shard is among them.
    pub fn contains(self, shard: impl Into<Shard>) -> bool {
        self.0 & (1 << shard.into().0) != 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Their numbers, as the database keeps them.
    pub fn numbers(self) -> Vec<i16> {
        (0..i16::from(Shard::COUNT))
            .filter(|number| self.0 & (1 << number) != 0)
            .collect()
    }
}

impl FromIterator<i16> for Shards {
    /// Numbers that no shard has are left out.
    fn from_iter<I: IntoIterator<Item = i16>>(numbers: I) -> Self {
        let known = numbers
            .into_iter()
            .filter(|number| (0..64).contains(number));
        Self(known.fold(0, |set, number| set | 1 << number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_shards_gives_back_its_numbers() {
        let shards: Shards = [0, 5, 63, 64, -1].into_iter().collect();
        assert_eq!(shards.numbers(), [0, 5, 63]);
        assert_eq!((shards.len(), shards.is_empty()), (3, false));
        assert!(shards.contains(JobId(64 + 5)) && !shards.contains(JobId(4)));
        assert_eq!(Shards::ALL.without(shards).len(), 61);
        let others: Shards = [5, 6].into_iter().collect();
        assert_eq!(shards.and(others).numbers(), [5]);
    }

    #[test]
    fn job_name_is_a_dns_label() {
        let id: ExecId = "0191e1a0-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(id.job_name(1), "x-0191e1a0000070008000000000000001-1");
        assert!(id.job_name(i32::MAX).len() <= 63);
    }

    #[test]
    fn shard_of_an_id_never_changes() {
        // Stored in rows and labels: a new hash would orphan both.
        let id: ExecId = "0191e1a0-1234-7000-8000-0000000000ff".parse().unwrap();
        assert_eq!(id.shard().number(), 35);
    }

    #[test]
    fn shards_are_even() {
        let mut seen = [0_u32; Shard::COUNT as usize];
        for _ in 0..64_000 {
            seen[usize::from(ExecId::new().shard().number())] += 1;
        }
        assert!(seen.iter().all(|n| (700..1300).contains(n)), "{seen:?}");
    }
}
