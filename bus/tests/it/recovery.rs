//! Connections that are cut come back by themselves.

use std::collections::BTreeSet;

use bus::testing::Vhost;
use bus::{BrokerConfig, Bus, Delivery, Enqueued, HintBinding, HintRoute};
use chassis::Process;
use secrecy::SecretString;
use shared_types::id::{ExecId, JobId};
use shared_types::message::Hint;
use tokio::sync::{mpsc, watch};

use crate::ring::{Probe, REGION, Replica, next, within};

#[tokio::test]
async fn publisher_consumer_and_hints_survive_cut_connections() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let route = HintRoute::ScheduleChanged;
    let mut hints = replica.bus.hints(vec![HintBinding::Route(route.clone())]);
    let (_intake, mut called) = replica.consume(|_| Delivery::Ack);
    let first = replica.announce();
    assert_eq!(next(&mut called).await, first);
    within(hints.bound().wait_for(|bound| *bound))
        .await
        .unwrap();

    // Down and seen to be down; what is announced meanwhile waits.
    vhost.allow_connections(false).await;
    vhost.cut_connections().await;
    let mut publishing = replica.bus.publishing();
    within(publishing.wait_for(|up| !*up)).await.unwrap();
    within(hints.bound().wait_for(|bound| !*bound))
        .await
        .unwrap();
    let waiting: BTreeSet<ExecId> = (0..50).map(|_| replica.announce()).collect();
    vhost.allow_connections(true).await;
    replica.connected(true).await;
    let mut handled = BTreeSet::new();
    for _ in 0..50 {
        assert!(handled.insert(next(&mut called).await), "handled twice");
    }
    assert_eq!(handled, waiting);

    within(hints.bound().wait_for(|bound| *bound))
        .await
        .unwrap();
    let hint = Hint::ScheduleChanged { job_id: JobId(1) };
    assert_eq!(
        replica.bus.publisher().hint(&hint, &route),
        Enqueued::Queued
    );
    assert_eq!(within(hints.recv()).await, Some(hint));
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn an_answer_that_came_too_late_is_asked_for_again() {
    let vhost = Vhost::create().await;
    let replica = Replica::start(&vhost);
    let (entered, mut entries) = mpsc::unbounded_channel();
    let (release, intake) = (watch::Sender::new(false), watch::Sender::new(true));
    let released = release.subscribe();
    replica
        .bus
        .consume_execs(REGION, intake.subscribe(), move |message| {
            let (mut released, entered) = (released.clone(), entered.clone());
            async move {
                let _ = entered.send(message);
                let _ = released.wait_for(|go| *go).await;
                Delivery::Ack
            }
        });
    replica.announce();
    let before = next(&mut entries).await;
    vhost.allow_connections(false).await;
    vhost.cut_connections().await;
    replica.connected(false).await;
    vhost.allow_connections(true).await;
    replica.connected(true).await;
    assert!(
        entries.try_recv().is_err(),
        "redelivered beside its own earlier handler"
    );
    release.send_replace(true);
    assert_eq!(next(&mut entries).await, before);
    replica.stop().await;
    Probe::open(&vhost).await.assert_settled().await;
}

#[tokio::test]
async fn without_a_broker_nothing_blocks_and_the_queue_is_bounded() {
    let process = Process::for_test("bus-test");
    let url = SecretString::from("amqp://guest:guest@127.0.0.1:1/none");
    let config = BrokerConfig {
        queue_capacity: 3,
        ..BrokerConfig::new(url)
    };
    let bus = Bus::connect(config, &process).unwrap();
    let outcomes: Vec<_> = (0..5)
        .map(|_| bus.publisher().exec_requested(REGION, ExecId::new()))
        .collect();
    let dropped = outcomes
        .iter()
        .filter(|outcome| **outcome == Enqueued::Dropped)
        .count();
    assert_eq!(dropped, 2, "{outcomes:?}");
    assert!(!*bus.connected().borrow());
    Replica { process, bus }.stop().await;
}

#[tokio::test]
async fn a_wrong_url_is_a_configuration_error_without_the_password() {
    let process = Process::for_test("bus-test");
    let config = BrokerConfig::new(SecretString::from("http://guest:hunter2@127.0.0.1"));
    let error = Bus::connect(config, &process).err().unwrap().to_string();
    assert!(
        error.contains("broker.url") && !error.contains("hunter2"),
        "{error}"
    );
}
