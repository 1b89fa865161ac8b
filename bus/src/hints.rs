//! Hints for this replica: read, decoded and handed over, or dropped. Nothing waits
//! for a hint, so nothing here acks, retries or holds back the broker.

use futures::StreamExt;
use lapin::{Channel, Consumer};
use shared_types::message::Hint;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::link::Live;
use crate::sessions::Sessions;
use crate::topology::{self, HintBinding};

/// The reader's end of a replica's hints.
#[derive(Debug)]
pub struct Hints {
    queue: mpsc::Receiver<Hint>,
    bound: watch::Receiver<bool>,
}

impl Hints {
    /// The next hint; `None` when the process stops.
    pub async fn recv(&mut self) -> Option<Hint> {
        self.queue.recv().await
    }

    /// Whether the queue is bound now. It turns true again after each reconnect,
    /// when a reader may want to look at its rows: hints were missed.
    pub fn bound(&self) -> watch::Receiver<bool> {
        self.bound.clone()
    }
}

pub(crate) struct Reader {
    bindings: Vec<HintBinding>,
    queue: mpsc::Sender<Hint>,
    bound: watch::Sender<bool>,
    stopping: CancellationToken,
}

pub(crate) fn pair(
    bindings: Vec<HintBinding>,
    capacity: usize,
    stopping: CancellationToken,
) -> (Hints, Reader) {
    let (sender, queue) = mpsc::channel(capacity);
    let bound = watch::Sender::new(false);
    let hints = Hints {
        queue,
        bound: bound.subscribe(),
    };
    (
        hints,
        Reader {
            bindings,
            queue: sender,
            bound,
            stopping,
        },
    )
}

impl Reader {
    /// The driver: one session per connection.
    pub(crate) async fn run(self, mut sessions: Sessions) {
        while let Some(live) = sessions.next().await {
            let result = self.session(&live).await;
            self.bound.send_replace(false);
            sessions.ended(&live, result);
        }
    }

    async fn session(&self, live: &Live) -> lapin::Result<()> {
        let (channel, mut consumer) = live.call(self.open(live)).await?;
        self.bound.send_replace(true);
        loop {
            tokio::select! {
                delivery = consumer.next() => match delivery {
                    Some(delivery) => self.hand_over(&delivery?.data),
                    None => return Ok(()),
                },
                () = live.lost.cancelled() => return Ok(()),
                () = self.stopping.cancelled() => return live.call(channel.close(200, "stopping".into())).await,
            }
        }
    }

    async fn open(&self, live: &Live) -> lapin::Result<(Channel, Consumer)> {
        let channel = live.connection.create_channel().await?;
        let consumer = topology::consume_hints(&channel, &self.bindings).await?;
        Ok((channel, consumer))
    }

    fn hand_over(&self, data: &[u8]) {
        let outcome = match serde_json::from_slice(data).map(|hint| self.queue.try_send(hint)) {
            Ok(Ok(())) => "received",
            Ok(Err(_)) => "lagged",
            // A newer version's hint during an upgrade.
            Err(_) => "unknown",
        };
        metrics::counter!("escapement_bus_hints_total", "outcome" => outcome).increment(1);
    }
}
