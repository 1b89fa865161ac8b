//! Messages that the broker does not take at first, or ever.

use bus::testing::Vhost;
use bus::{Delivery, Enqueued, topology};
use lapin::options::{
    BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use shared_types::id::ExecId;
use tokio::sync::{mpsc, watch};

use crate::ring::{Probe, REGION, Replica, next, only, within};

#[tokio::test]
async fn publisher_and_consumer_may_declare_a_queue_at_once() {
    for _ in 0..5 {
        let vhost = Vhost::create().await;
        let replica = Replica::start(&vhost);
        let intake = watch::Sender::new(true);
        let (calls, mut called) = mpsc::unbounded_channel();
        for round in 0..10 {
            let region = format!("region-{round}");
            let calls = calls.clone();
            let handle = move |message| {
                let _ = calls.send(only(message));
                std::future::ready(Delivery::Ack)
            };
            replica
                .bus
                .consume_execs(&region, intake.subscribe(), handle);
            let exec_id = ExecId::new();
            let enqueued = replica.bus.publisher().exec_requested(&region, exec_id);
            assert_eq!(enqueued, Enqueued::Queued);
            assert_eq!(next(&mut called).await, exec_id, "round {round}");
        }
        replica.stop().await;
    }
}

/// Has the broker nack what goes to [`REGION`] while this queue has a message.
async fn obstruct(probe: &Probe, queue: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    let overflow = AMQPValue::LongString("reject-publish".into());
    arguments.insert("x-overflow".into(), overflow);
    let declared =
        probe
            .channel
            .queue_declare(queue.into(), QueueDeclareOptions::default(), arguments);
    declared.await.unwrap();
    let bound = probe.channel.queue_bind(
        queue.into(),
        topology::EXECS.into(),
        REGION.into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bound.await.unwrap();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let filled = probe
        .channel
        .basic_publish("".into(), queue.into(), options, b"x", properties);
    let confirmed = filled.await.unwrap().await.unwrap();
    assert!(matches!(confirmed, Confirmation::NotRequested));
    within(async { while probe.ready(queue).await == 0 {} }).await;
}

#[tokio::test]
async fn a_nacked_message_is_sent_again() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let (_intake, mut called) = replica.consume(|_| Delivery::Ack);
    replica.announce();
    next(&mut called).await;
    let probe = Probe::open(&vhost).await;
    obstruct(&probe, "full").await;
    let exec_id = replica.announce();
    // The region's own queue has it; the other one made the broker nack it.
    assert_eq!(next(&mut called).await, exec_id);
    let purge = QueuePurgeOptions::default();
    probe
        .channel
        .queue_purge("full".into(), purge)
        .await
        .unwrap();
    within(async { while probe.ready("full").await == 0 {} }).await;
    replica.stop().await;
}

#[tokio::test]
async fn a_refused_region_holds_up_no_other() {
    let vhost = Vhost::create().await;
    let probe = Probe::open(&vhost).await;
    let other = QueueDeclareOptions::default();
    let queue = topology::exec_queue("refused").into();
    let declared = probe
        .channel
        .queue_declare(queue, other, FieldTable::default());
    declared.await.unwrap();
    let replica = Replica::start(&vhost);
    let refused = replica
        .bus
        .publisher()
        .exec_requested("refused", ExecId::new());
    assert_eq!(refused, Enqueued::Queued);
    let (_intake, mut called) = replica.consume(|_| Delivery::Ack);
    let exec_id = replica.announce();
    assert_eq!(next(&mut called).await, exec_id);
    replica.stop().await;
}
