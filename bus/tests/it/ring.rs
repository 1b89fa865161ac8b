//! A process with its bus, and what tests wait for.

use std::time::Duration;

use bus::testing::Vhost;
use bus::{Bus, Delivery, Enqueued, topology};
use chassis::Process;
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use shared_types::id::ExecId;
use shared_types::message::ExecMessage;
use tokio::sync::{mpsc, watch};

pub(crate) const REGION: &str = "eu";
/// An upper bound for what must happen at all, not a time to wait.
const LIMIT: Duration = Duration::from_secs(30);

/// One process on the bus.
pub(crate) struct Replica {
    pub(crate) process: Process,
    pub(crate) bus: Bus,
}

impl Replica {
    pub(crate) fn start(vhost: &Vhost) -> Self {
        let process = Process::for_test("bus-test");
        let bus = Bus::connect(vhost.config(), &process).unwrap();
        Self { process, bus }
    }

    /// Consumes [`REGION`]; every call of the handler is reported before `answer`.
    pub(crate) fn consume<A>(
        &self,
        answer: A,
    ) -> (watch::Sender<bool>, mpsc::UnboundedReceiver<ExecId>)
    where
        A: Fn(ExecId) -> Delivery + Send + Sync + 'static,
    {
        let intake = watch::Sender::new(true);
        let (calls, called) = mpsc::unbounded_channel();
        self.bus
            .consume_execs(REGION, intake.subscribe(), move |message| {
                let exec_id = only(message);
                let _ = calls.send(exec_id);
                std::future::ready(answer(exec_id))
            });
        (intake, called)
    }

    pub(crate) fn announce(&self) -> ExecId {
        let exec_id = ExecId::new();
        let enqueued = self.bus.publisher().exec_requested(REGION, exec_id);
        assert_eq!(enqueued, Enqueued::Queued);
        exec_id
    }

    pub(crate) async fn connected(&self, up: bool) {
        let mut connected = self.bus.connected();
        within(connected.wait_for(|is_up| *is_up == up))
            .await
            .unwrap();
    }

    pub(crate) async fn stop(self) {
        assert!(
            self.process.drain(LIMIT, LIMIT).await,
            "something had to be abandoned"
        );
        assert_eq!(self.process.tasks.failure(), None);
    }
}

pub(crate) async fn within<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(LIMIT, what)
        .await
        .expect("did not happen")
}

pub(crate) async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    within(receiver.recv())
        .await
        .expect("the consumer has gone")
}

/// A look at the broker from outside the crate under test.
pub(crate) struct Probe {
    _connection: Connection,
    pub(crate) channel: Channel,
}

impl Probe {
    pub(crate) async fn open(vhost: &Vhost) -> Self {
        let connection = Connection::connect(vhost.url(), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self {
            _connection: connection,
            channel,
        }
    }

    /// Messages ready in a queue.
    pub(crate) async fn ready(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = self
            .channel
            .queue_declare(queue.into(), passive, FieldTable::default());
        queue.await.unwrap().message_count()
    }

    /// Nothing is left of the region's work, neither to do nor refused.
    pub(crate) async fn assert_settled(&self) {
        let get = BasicGetOptions::default();
        for queue in [topology::exec_queue(REGION).as_str(), topology::DEAD_QUEUE] {
            let left = self.channel.basic_get(queue.into(), get).await.unwrap();
            assert!(left.is_none(), "{queue} still has {left:?}");
        }
    }

    /// Waits for the next refused message: its body and the header `reason`.
    pub(crate) async fn refused(&self) -> (Vec<u8>, String) {
        let mut dead = self
            .channel
            .basic_consume(
                topology::DEAD_QUEUE.into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        let delivery = within(dead.next()).await.unwrap().unwrap();
        delivery.ack(BasicAckOptions::default()).await.unwrap();
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        let reason = headers
            .inner()
            .get(topology::REASON_HEADER)
            .and_then(|v| v.as_long_string());
        (
            delivery.data.clone(),
            reason.map(ToString::to_string).unwrap_or_default(),
        )
    }
}

/// The exec of a message of one.
pub(crate) fn only(message: ExecMessage) -> ExecId {
    match message {
        ExecMessage::ExecRequested { exec_id } => exec_id,
        ExecMessage::ExecsRequested { exec_ids } => panic!("{exec_ids:?}"),
    }
}
