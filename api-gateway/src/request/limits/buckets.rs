//! Many token buckets in a fixed amount of memory. A key's hash picks its
//! bucket, so no flood of keys can fill the memory and nothing has to be
//! cleaned up; two keys that share a bucket share a limit, which takes a lot of
//! clients at once, and which nobody can arrange, as the hash is seeded.
//!
//! A bucket is one number, as in GCRA: the instant at which it is full again.
//! Not the crate governor, because it cannot look at a limit without using it
//! up, and keeps a growing map of keys.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Rate;

/// 1 MiB of them.
const BUCKETS: usize = 1 << 17;

/// One limit for many keys.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Nanoseconds since some start; those in the past are full buckets.
    full_at: Box<[AtomicU64]>,
    hasher: RandomState,
    /// Nanoseconds that one use costs.
    cost: u64,
    /// How far in the future `full_at` may be before a use.
    tolerance: u64,
}

impl Buckets {
    /// Full buckets.
    pub(super) fn new(rate: Rate) -> Self {
        Self::with_size(rate, BUCKETS)
    }

    fn with_size(rate: Rate, size: usize) -> Self {
        let cost = nanos(rate.every);
        let size = if rate.is_off() { 0 } else { size };
        Self {
            full_at: (0..size).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            cost,
            tolerance: cost.saturating_mul(u64::from(rate.burst.saturating_sub(1))),
        }
    }

    /// Whether the key has a use left at `now`; else how long until it does.
    pub(super) fn look(&self, key: impl Hash, now: Duration) -> Result<(), Duration> {
        let Some(bucket) = self.bucket(key) else {
            return Ok(());
        };
        self.wait(bucket.load(Ordering::Relaxed), nanos(now))
    }

    /// Uses one up, unless there is none left.
    pub(super) fn take(&self, key: impl Hash, now: Duration) -> Result<(), Duration> {
        let Some(bucket) = self.bucket(key) else {
            return Ok(());
        };
        let now = nanos(now);
        let used = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            self.wait(full_at, now).ok()?;
            Some(full_at.max(now).saturating_add(self.cost))
        });
        used.map_or_else(|full_at| self.wait(full_at, now), |_| Ok(()))
    }

    fn wait(&self, full_at: u64, now: u64) -> Result<(), Duration> {
        let usable_at = full_at.saturating_sub(self.tolerance);
        if usable_at <= now {
            Ok(())
        } else {
            Err(Duration::from_nanos(usable_at - now))
        }
    }

    /// None when the limit is off.
    fn bucket(&self, key: impl Hash) -> Option<&AtomicU64> {
        let size = u64::try_from(self.full_at.len()).ok()?;
        let number = self.hasher.hash_one(key).checked_rem(size)?;
        self.full_at.get(usize::try_from(number).ok()?)
    }
}

/// 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn buckets(burst: u32, every: Duration) -> Buckets {
        Buckets::new(Rate { burst, every })
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let limit = buckets(3, SECOND);
        let at = |millis: u64| Duration::from_millis(10_000 + millis);
        for _ in 0..3 {
            assert_eq!(limit.look("a", at(0)), Ok(()));
            assert_eq!(limit.take("a", at(0)), Ok(()));
        }
        assert_eq!(limit.look("a", at(0)), Err(SECOND));
        assert_eq!(limit.take("a", at(400)), Err(SECOND * 6 / 10));
        assert_eq!(limit.take("a", at(1000)), Ok(()));
        assert_eq!(
            limit.take("a", at(1000)),
            Err(SECOND),
            "refusals cost nothing"
        );
        for _ in 0..3 {
            assert_eq!(limit.take("a", at(60_000)), Ok(()), "full, and no fuller");
        }
        assert_eq!(limit.take("a", at(60_000)), Err(SECOND));
    }

    #[test]
    fn keys_do_not_touch_each_other_and_looking_costs_nothing() {
        let limit = buckets(1, SECOND);
        assert_eq!(limit.take("a", Duration::ZERO), Ok(()));
        assert_eq!(limit.take("a", Duration::ZERO), Err(SECOND));
        let free = (0..100).filter(|key| limit.look(key, Duration::ZERO).is_ok());
        assert!(free.count() >= 99);
    }

    #[test]
    fn a_burst_of_none_is_no_limit() {
        let limit = buckets(0, SECOND);
        assert!((0..1000).all(|_| limit.take("a", Duration::ZERO).is_ok()));
    }

    #[test]
    fn of_two_at_once_one_gets_the_last() {
        let limit = buckets(100, SECOND);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        if limit.take("a", Duration::ZERO).is_ok() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100);
    }

    proptest! {
        /// In any stretch of time: at most the burst and what it refilled.
        #[test]
        fn never_more_than_the_rate(
            burst in 1_u32..20,
            every in 1_u64..5_000,
            steps in prop::collection::vec(0_u64..3_000, 1..200),
        ) {
            let limit = Buckets::with_size(Rate { burst, every: Duration::from_millis(every) }, 1);
            let mut now = 0;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                match limit.take((), Duration::from_millis(now)) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        prop_assert!(wait <= Duration::from_millis(every));
                        let then = Duration::from_millis(now) + wait;
                        prop_assert_eq!(limit.look((), then), Ok(()));
                    }
                }
            }
            for (first, start) in taken.iter().enumerate() {
                for (last, end) in taken.iter().enumerate().skip(first) {
                    let uses = u64::try_from(last - first + 1).unwrap();
                    prop_assert!(uses <= u64::from(burst) + (end - start) / every);
                }
            }
        }
    }
}
