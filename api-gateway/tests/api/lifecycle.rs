//! Starting, stopping, and clients that go away.

use std::time::Duration;

use serde_json::json;
use store::DatabaseRole;
use store::jobs::{self, JobFilter, JobPage};
use store::page::Page;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::app::spawn_app;

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_order() {
    let app = spawn_app().await;
    app.user("me").await.job(json!({})).await;
    assert!(app.process.drain(GRACE, GRACE).await);
    assert_eq!(app.process.tasks.failure(), None);
    assert!(app.client.get(app.url("/v1/jobs")).send().await.is_err());
}

/// What a client leaves behind who asks and hangs up at once: jobs with their
/// schedules, however far each request came.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_whole_rows() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let body = json!({ "name": "n", "command": "c", "docker_image_repo": "i" }).to_string();
    let request = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: x\r\nauthorization: Token {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        user.token,
        body.len()
    );
    let address = app.base.strip_prefix("http://").unwrap();
    for _ in 0..50 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
    }
    // One that waits, so that at least one came to its end.
    user.job(json!({})).await;
    assert!(app.process.drain(GRACE, GRACE).await);

    let mut conn = app.store(DatabaseRole::Gateway).connection().await.unwrap();
    let all = JobFilter::of("me");
    let count = jobs::count(&mut conn, &all).await.unwrap();
    let page = JobPage::ByCreation(Page::newest(1000));
    let with_schedule = jobs::list(&mut conn, &all, page).await.unwrap();
    assert!(count > 0);
    assert_eq!(usize::try_from(count), Ok(with_schedule.rows.len()));
}
