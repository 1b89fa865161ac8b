//! `members` and `leases`: which replicas of a service there are, and which
//! shards each of them has. By the database's clock, so that replicas need not
//! agree on the time. Postgres shows each service its own rows only.
//!
//! Leases divide the work and never guard it: whoever writes compares and sets.

mod holder;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Deserialize;
use shared_types::{Shard, Shards};
use uuid::Uuid;

use crate::schema::{leases, members};
use crate::{StoreError, clock};

pub use holder::Holder;

/// How long after its last sign of life a replica's share goes to others: 1 s to 10 min.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "humantime_serde::Serde<Duration>")]
pub struct LeaseTime(Duration);

/// It would be lost by a slow answer of the database, or work would lie for too long.
#[derive(Debug, thiserror::Error)]
#[error("must be 1s to 10m")]
pub struct LeaseTimeError;

impl LeaseTime {
    /// None is shorter.
    pub const SHORTEST: Self = Self(Duration::from_secs(1));
}

impl TryFrom<Duration> for LeaseTime {
    type Error = LeaseTimeError;

    fn try_from(time: Duration) -> Result<Self, Self::Error> {
        let allowed = Self::SHORTEST.0..=Duration::from_mins(10);
        allowed
            .contains(&time)
            .then_some(Self(time))
            .ok_or(LeaseTimeError)
    }
}

impl TryFrom<humantime_serde::Serde<Duration>> for LeaseTime {
    type Error = LeaseTimeError;

    fn try_from(time: humantime_serde::Serde<Duration>) -> Result<Self, Self::Error> {
        time.into_inner().try_into()
    }
}

/// One replica among those that divide a service's work.
#[derive(Debug, Clone)]
pub struct Member {
    /// The part of the work that is divided on its own.
    region: String,
    /// Never used again by another replica.
    holder: Uuid,
    ttl: TimeDelta,
    /// Whether there are leases to hold.
    is_prepared: bool,
}

/// What a replica has to do, and when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// The shards that are this replica's.
    pub shards: Shards,
    /// How many replicas there are.
    pub members: usize,
    /// How soon another replica's time is up, unless it says that it is there.
    pub next_expiry: Option<Duration>,
}

impl Member {
    /// A newcomer. `region` is empty for a service whose work is all one.
    pub fn new(region: &str, LeaseTime(ttl): LeaseTime) -> Self {
        Self {
            region: region.to_owned(),
            holder: Uuid::new_v4(),
            ttl: TimeDelta::from_std(ttl).unwrap_or(TimeDelta::MAX),
            is_prepared: false,
        }
    }

    /// Says that this replica is there, keeps its shards, gives back what is
    /// more than its even share, and takes what nobody has.
    pub async fn step(&mut self, conn: &mut AsyncPgConnection) -> Result<Tenure, StoreError> {
        if !self.is_prepared {
            self.prepare(conn).await?;
            self.is_prepared = true;
        }
        conn.transaction(async |conn| {
            let now = clock::now(conn).await?;
            let (others, next_member) = self.appear(conn, now).await?;
            let members = others + 1;
            let share = usize::from(Shard::COUNT).div_ceil(members);
            let kept = self.keep(conn, now, share).await?;
            let taken = self.take(conn, now, share - kept.len()).await?;
            let next_lease: Option<DateTime<Utc>> = leases::table
                .filter(leases::region.eq(&self.region))
                .filter(leases::holder.ne(self.holder))
                .filter(leases::expires_at.gt(now))
                .select(min(leases::expires_at))
                .first(conn)
                .await?;
            let next = next_member.into_iter().chain(next_lease).min();
            Ok(Tenure {
                shards: kept.into_iter().chain(taken).collect(),
                members,
                next_expiry: next.map(|next| (next - now).to_std().unwrap_or_default()),
            })
        })
        .await
    }

    /// Gives everything back at once: this replica stops.
    pub async fn leave(&self, conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
        conn.transaction(async |conn| {
            diesel::delete(members::table)
                .filter(members::region.eq(&self.region))
                .filter(members::holder.eq(self.holder))
                .execute(conn)
                .await?;
            self.give_back_all_but(conn, &[]).await
        })
        .await
    }

    async fn prepare(&self, conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
        let new: Vec<_> = Shards::ALL
            .numbers()
            .into_iter()
            .map(|shard| {
                (
                    leases::region.eq(&self.region),
                    leases::shard.eq(shard),
                    leases::expires_at.eq(DateTime::UNIX_EPOCH),
                )
            })
            .collect();
        diesel::insert_into(leases::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        Ok(())
    }

    /// How many other replicas there are, and when the first of them is up.
    async fn appear(
        &self,
        conn: &mut AsyncPgConnection,
        now: DateTime<Utc>,
    ) -> Result<(usize, Option<DateTime<Utc>>), StoreError> {
        let expires_at = now + self.ttl;
        diesel::insert_into(members::table)
            .values((
                members::region.eq(&self.region),
                members::holder.eq(self.holder),
                members::expires_at.eq(expires_at),
            ))
            .on_conflict((members::role, members::region, members::holder))
            .do_update()
            .set(members::expires_at.eq(expires_at))
            .execute(conn)
            .await?;
        // Those long gone; nobody else waits for these rows.
        diesel::delete(members::table)
            .filter(members::expires_at.lt(now - self.ttl * 10))
            .execute(conn)
            .await?;
        let (others, next): (i64, Option<DateTime<Utc>>) = members::table
            .filter(members::region.eq(&self.region))
            .filter(members::holder.ne(self.holder))
            .filter(members::expires_at.gt(now))
            .select((count_star(), min(members::expires_at)))
            .first(conn)
            .await?;
        Ok((usize::try_from(others).unwrap_or_default(), next))
    }

    /// Keeps up to `share` shards and gives back the others.
    async fn keep(
        &self,
        conn: &mut AsyncPgConnection,
        now: DateTime<Utc>,
        share: usize,
    ) -> Result<Vec<i16>, StoreError> {
        let mut mine: Vec<i16> = leases::table
            .filter(leases::region.eq(&self.region))
            .filter(leases::holder.eq(self.holder))
            .order(leases::shard)
            .select(leases::shard)
            .load(conn)
            .await?;
        if mine.len() > share {
            mine.truncate(share);
            self.give_back_all_but(conn, &mine).await?;
        }
        // Whoever lost one meanwhile, having been silent for too long, keeps it not.
        let kept = diesel::update(leases::table)
            .filter(leases::region.eq(&self.region))
            .filter(leases::holder.eq(self.holder))
            .set(leases::expires_at.eq(now + self.ttl))
            .returning(leases::shard)
            .get_results(conn)
            .await?;
        Ok(kept)
    }

    /// Takes up to `wanted` shards that nobody has, or whose holder is silent.
    async fn take(
        &self,
        conn: &mut AsyncPgConnection,
        now: DateTime<Utc>,
        wanted: usize,
    ) -> Result<Vec<i16>, StoreError> {
        // What another replica is taking at this moment is not free.
        let free: Vec<i16> = leases::table
            .filter(leases::region.eq(&self.region))
            .filter(leases::holder.is_null().or(leases::expires_at.le(now)))
            .order(leases::shard)
            .limit(i64::try_from(wanted).unwrap_or(i64::MAX))
            .select(leases::shard)
            .for_update()
            .skip_locked()
            .load(conn)
            .await?;
        let taken = diesel::update(leases::table)
            .filter(leases::region.eq(&self.region))
            .filter(leases::shard.eq_any(free))
            .set((
                leases::holder.eq(self.holder),
                leases::epoch.eq(leases::epoch + 1),
                leases::expires_at.eq(now + self.ttl),
            ))
            .returning(leases::shard)
            .get_results(conn)
            .await?;
        Ok(taken)
    }

    async fn give_back_all_but(
        &self,
        conn: &mut AsyncPgConnection,
        kept: &[i16],
    ) -> Result<(), StoreError> {
        diesel::update(leases::table)
            .filter(leases::region.eq(&self.region))
            .filter(leases::holder.eq(self.holder))
            .filter(leases::shard.ne_all(kept))
            .set(leases::holder.eq(None::<Uuid>))
            .execute(conn)
            .await?;
        Ok(())
    }
}
