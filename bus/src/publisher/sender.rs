//! The one task that owns the publishing channel: it takes from the queue, keeps a
//! bounded window of unconfirmed messages, and accounts for each.
//!
//! **Nacks.** A quorum queue that another connection is declaring at this moment
//! exists but does not take messages yet; the broker nacks them. So a nacked
//! message is sent again a few times, and keeps its place in the window meanwhile.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use lapin::ErrorKind;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::outage::Outage;
use super::{Address, Message, count};
use crate::link::{Live, limited};
use crate::sessions::Sessions;
use crate::topology;

/// Silence with messages unconfirmed after which the channel is given up, so that
/// a confirm that never comes cannot hold its place in the window for ever.
const CONFIRM_LIMIT: Duration = Duration::from_secs(30);

/// Nacks after which a message is lost.
const NACK_LIMIT: u32 = 6;
/// Pause before a nacked message is sent again; doubles with each nack.
const NACK_DELAY: Duration = Duration::from_millis(50);
/// Channels that one message may cost, so that what the broker refuses (a queue
/// of other arguments) does not hold up all others for ever.
const REFUSAL_LIMIT: u32 = 2;

/// What became of a message in the window.
struct Sent {
    message: Message,
    /// None if it was nacked and has waited to be sent again.
    answer: Option<lapin::Result<Confirmation>>,
}

type Window = FuturesUnordered<BoxFuture<'static, Sent>>;

pub(crate) struct Sender {
    messages: mpsc::Receiver<Message>,
    /// Taken from the queue and to be sent, again or because a channel had gone.
    in_hand: VecDeque<Message>,
    unconfirmed_limit: usize,
    stopping: CancellationToken,
    outage: Outage,
}

impl Sender {
    pub(super) fn new(
        messages: mpsc::Receiver<Message>,
        unconfirmed_limit: usize,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            messages,
            in_hand: VecDeque::new(),
            unconfirmed_limit,
            stopping,
            outage: Outage::default(),
        }
    }

    /// The driver: one session per connection; when stopping, the queue is emptied
    /// if the broker is there and dropped if it is not.
    pub(crate) async fn run(mut self, mut sessions: Sessions) {
        while let Some(live) = sessions.next().await {
            let result = self.session(&live).await;
            if self.stopping.is_cancelled() && result.is_ok() {
                break;
            }
            sessions.ended(&live, result);
        }
        self.messages.close();
        while let Some(message) = self
            .in_hand
            .pop_front()
            .or_else(|| self.messages.try_recv().ok())
        {
            let exchange = message.address.exchange();
            self.outage
                .lost(exchange, "stopped while the broker was away");
        }
    }

    async fn session(&mut self, live: &Live) -> lapin::Result<()> {
        let channel = live.call(open(live)).await?;
        let mut window = Window::new();
        let result = live.within(self.publish_all(&channel, &mut window)).await;
        // With the channel gone these answer at once; with it here they soon do.
        while !window.is_empty() {
            tokio::select! {
                Some(sent) = window.next() => self.settle(sent, &mut window),
                () = live.lost.cancelled() => break,
                () = tokio::time::sleep(CONFIRM_LIMIT) => break,
            }
        }
        // What became of these will never be known.
        for _ in &window {
            self.outage.lost("unknown", "no confirm came");
        }
        result
    }

    /// Publishes until there is nothing left and the process stops.
    async fn publish_all(&mut self, channel: &Channel, window: &mut Window) -> lapin::Result<()> {
        let mut regions = HashSet::new();
        loop {
            let room = window.len() < self.unconfirmed_limit;
            let emptied =
                self.stopping.is_cancelled() && self.in_hand.is_empty() && self.messages.is_empty();
            if emptied && window.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some(sent) = window.next() => self.settle(sent, window),
                message = next(&mut self.in_hand, &mut self.messages, &self.stopping), if room && !emptied => {
                    // In hand until it is sent: this may end at any await.
                    if let Some(message) = message {
                        self.in_hand.push_front(message);
                    }
                    self.publish_first(channel, &mut regions, window).await?;
                }
                () = tokio::time::sleep(CONFIRM_LIMIT), if !window.is_empty() => return Ok(()),
            }
        }
    }

    async fn publish_first(
        &mut self,
        channel: &Channel,
        regions: &mut HashSet<String>,
        window: &mut Window,
    ) -> lapin::Result<()> {
        let Some(message) = self.in_hand.front_mut() else {
            return Ok(());
        };
        let published = limited(publish(channel, regions, message)).await;
        if let Err(error) = &published
            && matches!(error.kind(), ErrorKind::ProtocolError(_))
        {
            message.refusals += 1;
            if message.refusals >= REFUSAL_LIMIT {
                self.outage
                    .lost(message.address.exchange(), &error.to_string());
                self.in_hand.pop_front();
            }
        }
        let confirm = published?;
        if let Some(message) = self.in_hand.pop_front() {
            let answered = |answer| Sent {
                message,
                answer: Some(answer),
            };
            window.push(confirm.map(answered).boxed());
        }
        Ok(())
    }

    /// Accounts for a message that left the window, unless it is to be sent again.
    fn settle(&mut self, sent: Sent, window: &mut Window) {
        let mut message = sent.message;
        match sent.answer {
            None => self.in_hand.push_back(message),
            Some(Ok(Confirmation::Nack(_))) if message.nacks + 1 < NACK_LIMIT => {
                count(message.address.exchange(), "retried");
                let delay = tokio::time::sleep(NACK_DELAY * 2_u32.pow(message.nacks));
                message.nacks += 1;
                let again = |()| Sent {
                    message,
                    answer: None,
                };
                window.push(delay.map(again).boxed());
            }
            Some(answer) => self.outage.account(&message, answer),
        }
    }
}

async fn open(live: &Live) -> lapin::Result<Channel> {
    let channel = live.connection.create_channel().await?;
    topology::declare_exchanges(&channel).await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

/// The next message; `None` when the process stops and the queue is empty.
async fn next(
    in_hand: &mut VecDeque<Message>,
    messages: &mut mpsc::Receiver<Message>,
    stopping: &CancellationToken,
) -> Option<Message> {
    if let Some(message) = in_hand.pop_front() {
        return Some(message);
    }
    tokio::select! {
        biased;
        Some(message) = messages.recv() => Some(message),
        () = stopping.cancelled() => messages.try_recv().ok(),
    }
}

async fn publish(
    channel: &Channel,
    regions: &mut HashSet<String>,
    message: &Message,
) -> lapin::Result<BoxFuture<'static, lapin::Result<Confirmation>>> {
    let exchange = message.address.exchange();
    let (key, mandatory, mode) = match &message.address {
        Address::Region(region) => {
            if !regions.contains(region) {
                topology::declare_region(channel, region).await?;
                regions.insert(region.clone());
            }
            (region, true, 2)
        }
        // Nobody has to listen to a hint, and none is worth the disk.
        Address::Hint(key) => (key, false, 1),
    };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(mode);
    let options = BasicPublishOptions {
        mandatory,
        ..Default::default()
    };
    let confirm = channel
        .basic_publish(
            exchange.into(),
            key.as_str().into(),
            options,
            &message.body,
            properties,
        )
        .await?;
    Ok(confirm.boxed())
}
