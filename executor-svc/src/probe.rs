//! Whether the database answers: while it does not, no message is taken, so
//! that an outage does not use up deliveries.

use std::time::Duration;

use chassis::Check;
use store::{Store, StoreError, clock};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(3);

/// Opens and closes the intake.
pub(crate) struct Probe {
    pub(crate) store: Store,
    pub(crate) intake: watch::Sender<bool>,
    pub(crate) ready: Check,
}

impl Probe {
    /// The driver.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            self.step().await;
        }
    }

    /// Asks once; true when the database answered.
    pub(crate) async fn step(&self) -> bool {
        let answered = match timeout(LIMIT, self.ask()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => self.missed(&error),
            Err(slow) => self.missed(&slow),
        };
        if answered {
            self.ready.pass();
        }
        self.intake
            .send_if_modified(|open| std::mem::replace(open, answered) != answered);
        answered
    }

    fn missed(&self, error: &(dyn std::error::Error + 'static)) -> bool {
        if *self.intake.borrow() {
            tracing::warn!(error, "the database does not answer; no messages are taken");
        }
        self.ready.fail(error.to_string());
        false
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        clock::now(&mut conn).await.map(drop)
    }
}
