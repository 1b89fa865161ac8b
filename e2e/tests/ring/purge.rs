//! What was deleted is gone in the end, and nothing else is.

use devstack::Service;
use serde_json::json;

use crate::ring::{self, LIMIT, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_goes_with_its_execs_and_their_logs() {
    let soon = ["EVERY", "DELETED_FOR"].map(|key| format!("ESCAPEMENT__RETENTION__{key}"));
    let soon = soon
        .each_ref()
        .map(|key| (Service::Executor, key.as_str(), "1s"));
    let ring = ring::start_told(&soon).await;
    let client = ring.client().await;
    let fields = json!({ "secret_vars": { "A": "a" } });
    let job = client.create_job("echo gone", fields).await.unwrap();
    let gone = client.trigger(job).await.unwrap();
    let kept = client.run("echo kept").await.unwrap();
    for exec in [&gone, &kept] {
        client.wait(exec, "S", LIMIT).await.unwrap();
        ring.sealed_log(&client, exec).await;
    }
    // Cancelled by the deletion; its end comes before its row goes.
    let runs = client.create_job("sleep 600", json!({})).await.unwrap();
    let runs = client.trigger(runs).await.unwrap();
    client.wait(&runs, "R", LIMIT).await.unwrap();
    for job in [job, runs.job] {
        let path = format!("/v1/jobs/{job}");
        client.send("DELETE", &path, None, 204).await.unwrap();
    }
    let left = async |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        ring.stack().query(&sql).await.unwrap().trim().to_owned()
    };
    eventually("the deleted jobs are gone", async || {
        left("jobs").await == "1"
    })
    .await;
    for table in [
        "execs",
        "exec_attempts",
        "log_streams",
        "log_chunks",
        "schedules",
    ] {
        assert_eq!(left(table).await, "1", "{table}");
    }
    assert_eq!(left("secrets").await, "0");
    assert_eq!(client.log(&kept).await.unwrap().len(), 4);
    ring.leaves_nothing_behind().await;
}
