//! The one backoff of the system: exponential, jittered, capped. Every driver
//! waits with it, so that nothing hot-loops and replicas do not march in step.

use std::time::Duration;

/// Shape of a [`Backoff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffConfig {
    /// Upper bound of the first delay.
    pub initial: Duration,
    /// No delay is longer.
    pub cap: Duration,
    /// How long a driver must have been healthy before its delays start over.
    pub reset_after: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            cap: Duration::from_secs(15),
            reset_after: Duration::from_secs(10),
        }
    }
}

/// Delays between attempts. The driver calls [`Backoff::next_delay`] after a
/// failure and [`Backoff::healthy_for`] with how long the attempt had worked; one
/// that worked for `reset_after` starts over, one that flapped keeps its delay.
#[derive(Debug, Clone)]
pub struct Backoff {
    config: BackoffConfig,
    attempt: u32,
}

impl Backoff {
    /// Starts at `config.initial`.
    pub fn new(config: BackoffConfig) -> Self {
        Self { config, attempt: 0 }
    }

    /// The delay before the next attempt: between half of and the whole of
    /// `initial * 2^attempt`, never above `cap`.
    pub fn next_delay(&mut self) -> Duration {
        let delay = delay(&self.config, self.attempt, rand::random_range(0.5..=1.0));
        self.attempt = self.attempt.saturating_add(1);
        delay
    }

    /// Starts over at `initial`.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// Starts over if the last attempt was healthy long enough.
    pub fn healthy_for(&mut self, healthy: Duration) {
        if healthy >= self.config.reset_after {
            self.reset();
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BackoffConfig::default())
    }
}

fn delay(config: &BackoffConfig, attempt: u32, jitter: f64) -> Duration {
    let factor = 2_u32.saturating_pow(attempt.min(31));
    config
        .initial
        .saturating_mul(factor)
        .min(config.cap)
        .mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_to_the_cap_and_starts_over_after_health() {
        let config = BackoffConfig::default();
        let whole = |attempt| delay(&config, attempt, 1.0).as_millis();
        assert_eq!(
            [0, 1, 2, 6, 7, 40].map(whole),
            [200, 400, 800, 12_800, 15_000, 15_000]
        );

        let mut backoff = Backoff::new(config);
        for _ in 0..10 {
            backoff.next_delay();
        }
        backoff.healthy_for(config.reset_after / 2);
        assert!(
            backoff.next_delay() >= config.cap / 2,
            "flapping is not health"
        );
        backoff.healthy_for(config.reset_after);
        assert!(backoff.next_delay() <= config.initial);
    }

    proptest! {
        #[test]
        fn never_zero_and_never_above_the_cap(
            initial in 1_u64..10_000, cap in 1_u64..10_000_000, attempt in any::<u32>(), jitter in 0.5..=1.0,
        ) {
            let (initial, cap) = (Duration::from_millis(initial), Duration::from_millis(cap));
            let config = BackoffConfig { initial, cap, ..BackoffConfig::default() };
            let delay = delay(&config, attempt, jitter);
            prop_assert!(delay <= cap);
            prop_assert!(delay >= initial.min(cap) / 2);
        }
    }
}
