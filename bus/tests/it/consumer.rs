//! Ack, Retry, Dead, and the intake gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bus::testing::Vhost;
use bus::{Delivery, topology};
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use tokio::sync::{mpsc, watch};

use crate::ring::{Probe, REGION, Replica, next, within};

#[tokio::test]
async fn what_is_published_is_handled_once_and_acked() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    // Announced before any connection can be up: it waits in the queue.
    let first = replica.announce();
    let (_intake, mut called) = replica.consume(|_| Delivery::Ack);
    assert_eq!(next(&mut called).await, first);
    let mut expected: Vec<_> = (0..200).map(|_| replica.announce()).collect();
    let mut handled = Vec::new();
    for _ in 0..200 {
        handled.push(next(&mut called).await);
    }
    handled.sort();
    expected.sort();
    assert_eq!(handled, expected);
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn retry_calls_the_handler_again_without_the_broker() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let calls = AtomicU32::new(0);
    let (_intake, mut called) =
        replica.consume(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Delivery::Retry,
            _ => Delivery::Ack,
        });
    let exec_id = replica.announce();
    for _ in 0..3 {
        assert_eq!(next(&mut called).await, exec_id);
    }
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn a_message_in_retry_is_given_back_when_the_process_stops() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let (_intake, mut called) = replica.consume(|_| Delivery::Retry);
    let exec_id = replica.announce();
    next(&mut called).await;
    replica.stop().await;

    let successor = Replica::start(&vhost);
    let (_intake, mut called) = successor.consume(|_| Delivery::Ack);
    assert_eq!(next(&mut called).await, exec_id);
    successor.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn a_running_handler_finishes_before_the_process_stops() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let release = watch::Sender::new(false);
    let (entered, mut entries) = mpsc::unbounded_channel();
    let (released, intake) = (release.subscribe(), watch::Sender::new(true));
    replica
        .bus
        .consume_execs(REGION, intake.subscribe(), move |_| {
            let (mut released, entered) = (released.clone(), entered.clone());
            async move {
                let _ = entered.send(());
                let _ = released.wait_for(|go| *go).await;
                Delivery::Ack
            }
        });
    replica.announce();
    next(&mut entries).await;
    replica.process.tasks.stop();
    release.send_replace(true);
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn what_cannot_be_done_goes_to_the_dead_letter_queue_with_its_reason() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let (_intake, mut called) = replica.consume(|_| Delivery::Dead("no such exec".to_owned()));
    replica.announce();
    next(&mut called).await;
    let probe = Probe::open(&vhost).await;
    let (_, reason) = probe.refused().await;
    assert_eq!(reason, "no such exec");

    let body = br#"{"type":"Nonsense"}"#;
    let options = BasicPublishOptions::default();
    probe
        .channel
        .basic_publish(
            topology::EXECS.into(),
            REGION.into(),
            options,
            body,
            BasicProperties::default(),
        )
        .await
        .unwrap();
    let other = Probe::open(&vhost).await;
    drop(probe);
    let (data, reason) = other.refused().await;
    assert_eq!(data, body);
    assert!(
        reason.starts_with("cannot be decoded: ") && reason.contains("Nonsense"),
        "{reason}"
    );
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn a_handler_that_always_panics_ends_in_the_dead_letter_queue() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let (_intake, mut called) = replica.consume(|_| panic!("poison"));
    replica.announce();
    // The first delivery and the limit's redeliveries.
    for _ in 0..=topology::DELIVERY_LIMIT {
        next(&mut called).await;
    }
    let (data, _) = Probe::open(&vhost).await.refused().await;
    assert!(!data.is_empty());
    replica.stop().await;
}

#[tokio::test]
async fn a_paused_intake_uses_up_no_deliveries() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let healthy = Arc::new(AtomicU32::new(0));
    let answer = healthy.clone();
    let (intake, mut called) = replica.consume(move |_| match answer.load(Ordering::Relaxed) {
        0 => Delivery::Retry,
        _ => Delivery::Ack,
    });
    let held = replica.announce();
    // More outages than the delivery limit, each with the message in hand.
    for _ in 0..topology::DELIVERY_LIMIT + 5 {
        assert_eq!(next(&mut called).await, held);
        intake.send_replace(false);
        tokio::task::yield_now().await;
        intake.send_replace(true);
    }
    next(&mut called).await;
    intake.send_replace(false);
    replica.process.tasks.stop();
    replica.stop().await;
    let probe = Probe::open(&vhost).await;
    within(async { while probe.ready(&topology::exec_queue(REGION)).await == 0 {} }).await;

    healthy.store(1, Ordering::Relaxed);
    let successor = Replica::start(&vhost);
    let (_intake, mut called) = successor.consume(|_| Delivery::Ack);
    assert_eq!(next(&mut called).await, held);
    successor.stop().await;
    probe.assert_settled().await;
}

#[tokio::test]
async fn a_closed_intake_takes_nothing_until_it_opens() {
    let vhost = Vhost::create().await;
    let (closed, open) = (Replica::start(&vhost), Replica::start(&vhost));
    let (gate, mut held_back) = closed.consume(|_| Delivery::Ack);
    // Nothing was awaited since: the consumer has never seen it open.
    gate.send_replace(false);
    let (_intake, mut called) = open.consume(|_| Delivery::Ack);
    for _ in 0..20 {
        let exec_id = open.announce();
        let got = tokio::select! {
            got = next(&mut called) => got,
            _ = held_back.recv() => panic!("a closed intake called its handler"),
        };
        assert_eq!(got, exec_id);
    }
    gate.send_replace(true);
    open.stop().await;
    let last = closed.announce();
    assert_eq!(next(&mut held_back).await, last);
    closed.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}
