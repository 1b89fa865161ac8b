//! Every name on the broker, and what it is declared as. Both sides declare what
//! they use, so neither has to start first. Arguments of a durable queue can never
//! be changed in place: a new argument needs a new queue name.

use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Consumer, ExchangeKind};

/// Work for executors; direct, routed by region.
pub const EXECS: &str = "escapement.execs";
/// What can be looked up now; topic.
pub const HINTS: &str = "escapement.hints";
/// Where refused work goes; fanout.
pub const DEAD: &str = "escapement.dead";
/// The queue of refused work, for a human to read.
pub const DEAD_QUEUE: &str = "execs.dead";
/// Deliveries of one message before the broker takes it for poison.
pub const DELIVERY_LIMIT: u32 = 20;
/// Refused messages kept; older ones go, so a fault cannot fill the disk.
pub const DEAD_LIMIT: u32 = 10_000;
/// The header that says why a message was refused.
pub const REASON_HEADER: &str = "reason";
/// The header that says which queue it was refused from.
pub const QUEUE_HEADER: &str = "queue";

/// Where a hint goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintRoute {
    /// `cancel.<region>`, read by that region's executors.
    Cancel {
        /// The exec's region.
        region: String,
    },
    /// `schedule.changed`, read by schedulers.
    ScheduleChanged,
    /// `exec.changed.<namespace>`, read by gateways for their followers.
    ExecChanged {
        /// The job's namespace.
        namespace: String,
    },
}

impl HintRoute {
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Cancel { region } => format!("cancel.{region}"),
            Self::ScheduleChanged => "schedule.changed".to_owned(),
            Self::ExecChanged { namespace } => format!("exec.changed.{namespace}"),
        }
    }
}

/// Which hints a replica wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintBinding {
    /// Those of one route.
    Route(HintRoute),
    /// `exec.changed` of every namespace.
    AnyExecChanged,
}

impl HintBinding {
    fn key(&self) -> String {
        match self {
            Self::Route(route) => route.key(),
            Self::AnyExecChanged => "exec.changed.#".to_owned(),
        }
    }
}

/// The queue of a region's work.
pub fn exec_queue(region: &str) -> String {
    format!("execs.{region}")
}

/// Declares both exchanges.
pub(crate) async fn declare_exchanges(channel: &Channel) -> lapin::Result<()> {
    declare_exchange(channel, EXECS, ExchangeKind::Direct).await?;
    declare_exchange(channel, HINTS, ExchangeKind::Topic).await
}

/// Declares a region's queue and everything a message of it can pass through.
pub(crate) async fn declare_region(channel: &Channel, region: &str) -> lapin::Result<()> {
    declare_exchanges(channel).await?;
    declare_exchange(channel, DEAD, ExchangeKind::Fanout).await?;
    let mut dead = quorum();
    dead.insert("x-max-length".into(), integer(DEAD_LIMIT));
    declare_bound(channel, (DEAD_QUEUE, dead), (DEAD, "")).await?;
    let mut execs = quorum();
    execs.insert("x-delivery-limit".into(), integer(DELIVERY_LIMIT));
    execs.insert("x-dead-letter-exchange".into(), text(DEAD));
    declare_bound(channel, (&exec_queue(region), execs), (EXECS, region)).await
}

/// Declares a queue of this connection alone, bound for `bindings`, and reads it.
/// The broker names it and removes it with the connection.
pub(crate) async fn consume_hints(
    channel: &Channel,
    bindings: &[HintBinding],
) -> lapin::Result<Consumer> {
    declare_exchanges(channel).await?;
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..Default::default()
    };
    let queue = channel
        .queue_declare("".into(), options, FieldTable::default())
        .await?;
    for binding in bindings {
        bind(channel, queue.name().as_str(), HINTS, &binding.key()).await?;
    }
    let options = BasicConsumeOptions {
        no_ack: true,
        ..Default::default()
    };
    channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            options,
            FieldTable::default(),
        )
        .await
}

/// Copies a refused message to the dead-letter queue with the reason, which the
/// broker's own dead-lettering cannot carry. True when the broker has it.
pub(crate) async fn bury(
    channel: &Channel,
    queue: &str,
    data: &[u8],
    reason: &str,
) -> lapin::Result<bool> {
    let mut headers = FieldTable::default();
    headers.insert(REASON_HEADER.into(), text(reason));
    headers.insert(QUEUE_HEADER.into(), text(queue));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(headers);
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let confirmed = channel
        .basic_publish(DEAD.into(), DEAD_QUEUE.into(), options, data, properties)
        .await?
        .await?;
    Ok(confirmed == Confirmation::Ack(None))
}

async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .exchange_declare(name.into(), kind, options, FieldTable::default())
        .await
}

async fn declare_bound(
    channel: &Channel,
    (queue, arguments): (&str, FieldTable),
    (exchange, key): (&str, &str),
) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(queue.into(), options, arguments)
        .await?;
    bind(channel, queue, exchange, key).await
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        )
        .await
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(ShortString::from("x-queue-type"), text("quorum"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn integer(value: u32) -> AMQPValue {
    AMQPValue::LongLongInt(i64::from(value))
}
