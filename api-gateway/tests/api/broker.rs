//! What is announced once a row is committed, over a real RabbitMQ.

use bus::testing::Vhost;
use bus::{Bus, Delivery, HintBinding, HintRoute};
use chassis::Process;
use serde_json::json;
use shared_types::JobId;
use shared_types::message::{ExecMessage, Hint};
use tokio::sync::{mpsc, watch};

use crate::app::spawn_app_with;

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_exec_is_announced_to_its_region() {
    let vhost = Vhost::create().await;
    let app = spawn_app_with(&[("ESCAPEMENT__BROKER__URL", vhost.url())]).await;
    let listener = Process::for_test("listener");
    let bus = Bus::connect(vhost.config(), &listener).unwrap();
    let (send, mut received) = mpsc::unbounded_channel();
    let (_open, intake) = watch::channel(true);
    bus.consume_execs("south", intake, move |message| {
        let _ = send.send(message);
        async { Delivery::Ack }
    });
    let user = app.user("me").await;
    let exec = user
        .exec(&user.job(json!({ "region_name": "south" })).await)
        .await;
    let exec_id = exec["id"].as_str().unwrap().parse().unwrap();
    let told = received.recv().await.unwrap();
    assert_eq!(told, ExecMessage::ExecRequested { exec_id });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_schedule_is_announced_and_a_paused_one_is_not() {
    let vhost = Vhost::create().await;
    let listener = Process::for_test("listener");
    let bus = Bus::connect(vhost.config(), &listener).unwrap();
    let route = HintBinding::Route(HintRoute::ScheduleChanged);
    let mut hints = bus.hints(vec![route]);
    hints.bound().wait_for(|bound| *bound).await.unwrap();
    let app = spawn_app_with(&[("ESCAPEMENT__BROKER__URL", vhost.url())]).await;
    let user = app.user("me").await;
    let mode = "R1/2040-01-01T00:00:00Z/PT1H";
    user.job(json!({ "schedule_mode": mode })).await;
    let job = user
        .job(json!({ "schedule_mode": mode, "is_schedule_active": true }))
        .await;
    let job_id = JobId(job["id"].as_i64().unwrap());
    assert_eq!(hints.recv().await, Some(Hint::ScheduleChanged { job_id }));
}
