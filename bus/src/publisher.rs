//! Announces what has been committed. The caller never waits and never fails: its
//! row is the truth, and a lost announcement only costs the time to the next sweep.

mod outage;
mod sender;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_types::id::ExecId;
use shared_types::message::{ExecMessage, Hint};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::BrokerConfig;
use crate::topology::{EXECS, HINTS, HintRoute};
use sender::Sender;

/// What became of an announcement, as far as its caller can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "say in the code that a dropped announcement is fine"]
pub enum Enqueued {
    /// It waits for the broker.
    Queued,
    /// The broker has been away for so long that the queue is full.
    Dropped,
}

/// A cloneable handle to the publisher's queue.
#[derive(Debug, Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Message>,
}

impl Publisher {
    /// Wakes an executor of `region` for a committed exec.
    pub fn exec_requested(&self, region: &str, exec_id: ExecId) -> Enqueued {
        self.enqueue(
            Address::Region(region.to_owned()),
            &ExecMessage::ExecRequested { exec_id },
        )
    }

    /// The same for several committed execs, in one message.
    pub fn execs_requested(&self, region: &str, exec_ids: Vec<ExecId>) -> Enqueued {
        if let [exec_id] = exec_ids[..] {
            // Executors of every version know this form.
            return self.exec_requested(region, exec_id);
        }
        self.enqueue(
            Address::Region(region.to_owned()),
            &ExecMessage::ExecsRequested { exec_ids },
        )
    }

    /// The same for an exec that was planned for an instant: how long after it
    /// the broker had the announcement safe is recorded.
    pub fn exec_due(&self, region: &str, exec_id: ExecId, due_at: DateTime<Utc>) -> Enqueued {
        let address = Address::Region(region.to_owned());
        self.enqueue_due(
            address,
            &ExecMessage::ExecRequested { exec_id },
            Some(due_at),
        )
    }

    /// Tells whoever listens on `route`; nobody may.
    pub fn hint(&self, hint: &Hint, route: &HintRoute) -> Enqueued {
        self.enqueue(Address::Hint(route.key()), hint)
    }

    fn enqueue(&self, address: Address, message: &impl Serialize) -> Enqueued {
        self.enqueue_due(address, message, None)
    }

    fn enqueue_due(
        &self,
        address: Address,
        message: &impl Serialize,
        due_at: Option<DateTime<Utc>>,
    ) -> Enqueued {
        let exchange = address.exchange();
        let queued = serde_json::to_vec(message)
            .map_err(|error| tracing::error!(%error, "a message has no JSON form"))
            .is_ok_and(|body| {
                self.queue
                    .try_send(Message::new(address, body, due_at))
                    .is_ok()
            });
        if queued {
            return Enqueued::Queued;
        }
        count(exchange, "dropped");
        Enqueued::Dropped
    }
}

/// Where a message goes.
#[derive(Debug)]
enum Address {
    /// To a region's queue, which is declared first.
    Region(String),
    /// By this key to whoever is bound.
    Hint(String),
}

impl Address {
    fn exchange(&self) -> &'static str {
        match self {
            Self::Region(_) => EXECS,
            Self::Hint(_) => HINTS,
        }
    }
}

#[derive(Debug)]
struct Message {
    address: Address,
    body: Vec<u8>,
    /// The instant it was planned for, if it was.
    due_at: Option<DateTime<Utc>>,
    /// How often the broker did not take it.
    nacks: u32,
    /// How often the broker closed the channel over it.
    refusals: u32,
}

impl Message {
    fn new(address: Address, body: Vec<u8>, due_at: Option<DateTime<Utc>>) -> Self {
        Self {
            address,
            body,
            due_at,
            nacks: 0,
            refusals: 0,
        }
    }
}

pub(crate) fn pair(config: &BrokerConfig, stopping: CancellationToken) -> (Publisher, Sender) {
    let (queue, messages) = mpsc::channel(config.queue_capacity);
    (
        Publisher { queue },
        Sender::new(messages, config.unconfirmed_limit, stopping),
    )
}

fn count(exchange: &'static str, outcome: &'static str) {
    metrics::counter!("escapement_bus_published_total", "exchange" => exchange, "outcome" => outcome)
        .increment(1);
}
