//! A histogram as `/metrics` shows it, and its quantiles.

use anyhow::{Context, Result};

/// Planned instant to the broker's confirm.
pub(crate) const LATENESS: &str = "escapement_schedule_lateness_seconds";

/// Cumulative counts by upper bound, which buckets of one name share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Reads one from the text of `/metrics`; without any entry it is empty.
    pub(crate) fn read(name: &str, metrics: &str) -> Result<Self> {
        let start = format!("{name}_bucket{{");
        let buckets = metrics
            .lines()
            .filter(|line| line.starts_with(&start))
            .map(|line| {
                let (labels, count) = line.rsplit_once(' ').context("a line has a value")?;
                let (_, bound) = labels.split_once("le=\"").context("a bucket has a bound")?;
                let bound = bound.trim_end_matches(['"', '}']);
                let bound = if bound == "+Inf" {
                    f64::INFINITY
                } else {
                    bound.parse()?
                };
                Ok((bound, count.parse()?))
            })
            .collect::<Result<_>>()?;
        Ok(Self { buckets })
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// The entries of both.
    pub(crate) fn with(&self, other: &Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// The entries that came after those of an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        self.combine(earlier, u64::saturating_sub)
    }

    fn combine(&self, other: &Self, how: fn(u64, u64) -> u64) -> Self {
        if self.buckets.is_empty() {
            return Self {
                buckets: other
                    .buckets
                    .iter()
                    .map(|(bound, count)| (*bound, how(0, *count)))
                    .collect(),
            };
        }
        let counts = other.buckets.iter().map(|(_, count)| *count);
        let pairs = self.buckets.iter().zip(counts.chain(std::iter::repeat(0)));
        let buckets = pairs.map(|((bound, count), other)| (*bound, how(*count, other)));
        Self {
            buckets: buckets.collect(),
        }
    }

    /// The upper bound of the bucket with this part of the entries, in
    /// milliseconds: at most a fifth too much.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(crate) fn at(&self, part: f64) -> f64 {
        let wanted = self.count() as f64 * part;
        let bucket = self
            .buckets
            .iter()
            .find(|(_, count)| *count as f64 >= wanted);
        bucket.map_or(f64::NAN, |(bound, _)| bound * 1000.0)
    }
}
