//! Takes a region's work from its queue. A delivery is acked only after its handler
//! says so, and stays in hand while it is retried: giving it back to the broker
//! would use up one of the deliveries after which a quorum queue calls it poison.

mod handling;

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use shared_types::message::ExecMessage;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::link::{Live, limited};
use crate::sessions::Sessions;
use crate::topology;
use handling::Handling;

/// What a handler wants to become of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is done, whatever the outcome.
    Ack,
    /// Call the handler again later. The message is held, not returned, so this
    /// uses up no deliveries; it returns to the queue only when the process stops.
    Retry,
    /// It can never be done; it goes to the dead-letter queue with this reason.
    Dead(String),
}

/// The loop of one region's queue.
pub(crate) struct ExecConsumer<H> {
    region: String,
    queue: String,
    prefetch: u16,
    intake: watch::Receiver<bool>,
    stopping: CancellationToken,
    handler: Arc<H>,
}

/// Why taking from the queue ended.
enum Ended {
    /// The process stops.
    Stopping,
    /// Intake closed; what is in hand is kept.
    Paused,
    /// The broker ended it: its queue has gone.
    Lost,
}

impl<H, F> ExecConsumer<H>
where
    H: Fn(ExecMessage) -> F + Send + Sync + 'static,
    F: Future<Output = Delivery> + Send + 'static,
{
    pub(crate) fn new(
        region: &str,
        prefetch: u16,
        (intake, stopping): (watch::Receiver<bool>, CancellationToken),
        handler: H,
    ) -> Self {
        let (region, queue) = (region.to_owned(), topology::exec_queue(region));
        Self {
            region,
            queue,
            prefetch,
            intake,
            stopping,
            handler: Arc::new(handler),
        }
    }

    /// The driver: one session per connection.
    pub(crate) async fn run(mut self, mut sessions: Sessions) {
        while let Some(live) = sessions.next().await {
            let result = self.session(&live).await;
            sessions.ended(&live, result);
        }
    }

    /// One channel's life. Handlers that run when it ends finish before the next
    /// channel opens, so a redelivered message never meets its own earlier handler.
    async fn session(&mut self, live: &Live) -> lapin::Result<()> {
        let channel = live.call(self.open(live)).await?;
        let handling = Arc::new(Handling {
            queue: self.queue.clone(),
            channel: channel.clone(),
            handler: self.handler.clone(),
            intake: self.intake.clone(),
            ended: live.lost.child_token(),
        });
        let mut running = JoinSet::new();
        let result = live.within(self.serve(&handling, &mut running)).await;
        handling.ended.cancel();
        while running.join_next().await.is_some() {}
        if result.is_ok() {
            live.call(channel.close(200, "done".into())).await?;
        }
        result
    }

    async fn open(&self, live: &Live) -> lapin::Result<Channel> {
        let channel = live.connection.create_channel().await?;
        topology::declare_region(&channel, &self.region).await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        channel
            .basic_qos(self.prefetch, BasicQosOptions::default())
            .await?;
        Ok(channel)
    }

    async fn serve(
        &mut self,
        handling: &Arc<Handling<H>>,
        running: &mut JoinSet<()>,
    ) -> lapin::Result<()> {
        loop {
            tokio::select! {
                () = intake_is(&mut self.intake, true) => {}
                () = self.stopping.cancelled() => return Ok(()),
            }
            let mut consumer = limited(self.consume(&handling.channel)).await?;
            let ended = self.take(&mut consumer, handling, running).await?;
            if matches!(ended, Ended::Lost) {
                return Ok(());
            }
            limited(cancel(&handling.channel, &consumer)).await?;
            // Sent before the broker saw the cancel; the stream ends with its answer.
            while let Some(delivery) = consumer.next().await {
                running.spawn(handling.clone().run(delivery?));
            }
            if matches!(ended, Ended::Stopping) {
                return Ok(());
            }
        }
    }

    async fn take(
        &mut self,
        consumer: &mut Consumer,
        handling: &Arc<Handling<H>>,
        running: &mut JoinSet<()>,
    ) -> lapin::Result<Ended> {
        loop {
            // Prefetch counts per broker consumer: what a pause left in hand must
            // still count here.
            let room = running.len() < usize::from(self.prefetch);
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Ok(Ended::Stopping),
                () = intake_is(&mut self.intake, false) => return Ok(Ended::Paused),
                Some(_) = running.join_next() => {}
                delivery = consumer.next(), if room => match delivery {
                    Some(delivery) => { running.spawn(handling.clone().run(delivery?)); }
                    None => return Ok(Ended::Lost),
                },
            }
        }
    }

    async fn consume(&self, channel: &Channel) -> lapin::Result<Consumer> {
        let options = BasicConsumeOptions::default();
        let queue = self.queue.as_str().into();
        channel
            .basic_consume(queue, "".into(), options, FieldTable::default())
            .await
    }
}

async fn cancel(channel: &Channel, consumer: &Consumer) -> lapin::Result<()> {
    channel
        .basic_cancel(consumer.tag(), BasicCancelOptions::default())
        .await
}

/// Waits until intake is `open` or not. With its owner gone it stays as it is.
async fn intake_is(intake: &mut watch::Receiver<bool>, open: bool) {
    if intake.wait_for(|is_open| *is_open == open).await.is_err() {
        std::future::pending::<()>().await;
    }
}
