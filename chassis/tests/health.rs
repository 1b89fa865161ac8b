//! The port a platform probes.

#![expect(clippy::unwrap_used, reason = "a test's set-up may fail loudly")]

use chassis::{Health, HealthConfig, Readiness, Tasks};
use tokio_util::sync::CancellationToken;

async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn says_what_readiness_waits_for() {
    let readiness = Readiness::default();
    let config = HealthConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
    };
    let health = Health::bind(&config, &readiness, None).unwrap();
    assert_ne!(health.address().port(), 0);
    let base = format!("http://{}", health.address());
    let tasks = Tasks::new(CancellationToken::new());
    let (server, handle) = health.server();
    tasks.spawn("health", server);

    let (latch, database) = (readiness.latch("migrations"), readiness.check("database"));
    let second = latch.clone();
    assert_eq!(get(&format!("{base}/healthz")).await.0, 200);
    latch.release();
    let (status, body) = get(&format!("{base}/readyz")).await;
    assert_eq!(status, 503);
    assert!(body.contains("migrations"), "{body}");
    second.release();
    assert_eq!(get(&format!("{base}/readyz")).await.0, 200);

    database.fail("no connection");
    let (status, body) = get(&format!("{base}/readyz")).await;
    assert_eq!(status, 503);
    assert!(body.contains("database: no connection"), "{body}");
    database.pass();
    assert_eq!(get(&format!("{base}/readyz")).await.0, 200);
    assert_eq!(get(&format!("{base}/metrics")).await.0, 200);

    tasks.stop();
    handle.stop(true).await;
}
