//! One delivery from the broker to its answer.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chassis::Backoff;
use futures::FutureExt;
use lapin::Channel;
use lapin::message::Delivery as Taken;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use shared_types::message::ExecMessage;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Delivery, intake_is};
use crate::link::limited;
use crate::topology;

/// What the deliveries of one session share.
pub(super) struct Handling<H> {
    pub(super) queue: String,
    pub(super) channel: Channel,
    pub(super) handler: Arc<H>,
    pub(super) intake: watch::Receiver<bool>,
    /// Cancelled when waiting is over: nothing new starts, the rest is given back.
    pub(super) ended: CancellationToken,
}

/// What a handler's answers came to.
enum Answer {
    Ack,
    Dead(String),
    GiveBack,
}

impl<H, F> Handling<H>
where
    H: Fn(ExecMessage) -> F + Send + Sync + 'static,
    F: Future<Output = Delivery> + Send + 'static,
{
    pub(super) async fn run(self: Arc<Self>, taken: Taken) {
        let in_hand = metrics::gauge!("escapement_bus_in_hand", "queue" => self.queue.clone());
        in_hand.increment(1.0);
        let answer = match serde_json::from_slice(&taken.data) {
            Ok(message) => self.answer(&message).await,
            Err(error) => Answer::Dead(format!("cannot be decoded: {error}")),
        };
        let queue = self.queue.as_str();
        match limited(self.send(&taken, answer)).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!(
                queue,
                "connection gone before the answer; it will be redelivered"
            ),
            Err(error) => {
                tracing::debug!(queue, %error, "not answered; it will be redelivered");
                // By another channel: on one that is still open it would stay in hand.
                let close = self.channel.close(500, "no answer could be given".into());
                let _ = limited(close).await;
            }
        }
        in_hand.decrement(1.0);
    }

    /// Calls the handler until it is satisfied. Between two calls it backs off, and
    /// waits for intake; neither outlives the session.
    async fn answer(&self, message: &ExecMessage) -> Answer {
        let mut backoff = Backoff::default();
        let mut intake = self.intake.clone();
        loop {
            let open = self
                .ended
                .run_until_cancelled(intake_is(&mut intake, true))
                .await;
            if open.is_none() {
                return Answer::GiveBack;
            }
            let outcome = self.call(message).await;
            let panicked = match outcome {
                Some(Delivery::Ack) => return Answer::Ack,
                Some(Delivery::Dead(reason)) => return Answer::Dead(reason),
                Some(Delivery::Retry) => false,
                None => true,
            };
            self.count(if panicked { "panicked" } else { "retried" });
            tokio::select! {
                () = tokio::time::sleep(backoff.next_delay()) => {}
                () = self.ended.cancelled() => return Answer::GiveBack,
                // What made the handler fail is known now; once it is mended there
                // is nothing to back off from.
                () = intake_is(&mut intake, false), if !panicked => backoff.reset(),
            }
            if panicked {
                // This uses up a delivery, on purpose: what always panics is poison.
                return Answer::GiveBack;
            }
        }
    }

    /// Calls the handler once; `None` if it panicked.
    async fn call(&self, message: &ExecMessage) -> Option<Delivery> {
        // The handler may panic before it returns its future, too.
        let call = async { (self.handler)(message.clone()).await };
        AssertUnwindSafe(call).catch_unwind().await.ok()
    }

    /// Answers the broker; false when it can no longer be told.
    async fn send(&self, taken: &Taken, answer: Answer) -> lapin::Result<bool> {
        match answer {
            Answer::Ack => {
                self.count("acked");
                taken.ack(BasicAckOptions::default()).await
            }
            Answer::Dead(reason) => {
                self.count("dead");
                tracing::error!(
                    queue = self.queue,
                    reason,
                    "message refused; see {}",
                    topology::DEAD_QUEUE
                );
                if topology::bury(&self.channel, &self.queue, &taken.data, &reason).await? {
                    taken.ack(BasicAckOptions::default()).await
                } else {
                    // Without the reason rather than not at all.
                    nack(taken, false).await
                }
            }
            Answer::GiveBack => {
                self.count("given_back");
                nack(taken, true).await
            }
        }
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("escapement_bus_deliveries_total", "queue" => self.queue.clone(), "outcome" => outcome)
            .increment(1);
    }
}

async fn nack(taken: &Taken, requeue: bool) -> lapin::Result<bool> {
    taken
        .nack(BasicNackOptions {
            requeue,
            ..Default::default()
        })
        .await
}
