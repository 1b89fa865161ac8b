//! A thread that rings on time. A runtime's own timers are coarse, and late when
//! the runtime is busy; this thread does nothing but wait.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

/// It rings at least this often, so that somebody compares the clocks.
pub const TICK: Duration = Duration::from_millis(250);

/// The thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Alarm {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    set: Mutex<Setting>,
    changed: Condvar,
    rung: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Setting {
    at: Option<DateTime<Utc>>,
    is_over: bool,
}

impl Alarm {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = shared.clone();
        std::thread::Builder::new()
            .name("alarm".to_owned())
            .spawn(move || thread.run())?;
        Ok(Self { shared })
    }

    /// Rings at this instant, by this machine's clock, in place of any other.
    pub fn set(&self, at: DateTime<Utc>) {
        self.shared.change(|setting| setting.at = Some(at));
    }

    /// Waits until it rings.
    pub async fn rung(&self) {
        self.shared.rung.notified().await;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.change(|setting| setting.is_over = true);
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Setting)) {
        change(&mut self.set.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut setting = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while !setting.is_over {
            let left = setting.at.map_or(TICK, |at| {
                (at - Utc::now()).to_std().unwrap_or_default().min(TICK)
            });
            let (woken, waited) = self
                .changed
                .wait_timeout(setting, left)
                .unwrap_or_else(PoisonError::into_inner);
            setting = woken;
            if waited.timed_out() {
                setting.at = None;
                self.rung.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[tokio::test]
    async fn it_rings_when_the_time_has_come_and_in_between() {
        let alarm = Alarm::start().unwrap();
        let at = Utc::now() + TimeDelta::milliseconds(700);
        let mut rings = 0;
        while Utc::now() < at {
            alarm.set(at);
            alarm.rung().await;
            rings += 1;
        }
        // Once a tick and once at its time.
        assert!((2..=3).contains(&rings), "{rings}");
    }

    #[tokio::test]
    async fn an_earlier_time_takes_a_later_ones_place() {
        let alarm = Alarm::start().unwrap();
        let late = Utc::now() + TimeDelta::hours(1);
        alarm.set(late);
        alarm.set(Utc::now());
        alarm.rung().await;
        assert!(Utc::now() < late);
    }
}
