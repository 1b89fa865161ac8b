//! What a preview says is what happens.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use devstack::Service;
use e2e::Client;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use crate::ring::{self, eventually};

const SCHEDULES: usize = 20;

/// A schedule of a short period.
fn text(now: DateTime<Utc>) -> String {
    let mut dice = rand::rng();
    let start = now + TimeDelta::milliseconds(dice.random_range(0..9_000));
    let start = start.to_rfc3339_opts(SecondsFormat::Millis, true);
    let seconds = dice.random_range(1..7);
    match dice.random_range(0..5) {
        0 => format!("R/{start}/PT{seconds}S"),
        1 => format!("R/{start}/PT{seconds}.{}S", dice.random_range(100..999)),
        2 => format!("R{}/{start}/PT2S", dice.random_range(1..12)),
        3 => format!("*/{seconds} * * * * *"),
        _ => format!("{seconds}-59/7,30 * * * * *; {seconds} * * * * *"),
    }
}

async fn instants(client: &Client, path: &str) -> Vec<String> {
    let list = client.send("GET", path, None, 200).await.unwrap();
    assert_eq!(list["next"], Value::Null, "all on one page");
    let mut at: Vec<_> = list["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| {
            assert_eq!(slot["outcome"], "fired", "{slot}");
            slot["slot_at"].as_str().unwrap().to_owned()
        })
        .collect();
    at.reverse();
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_previewed_is_what_fires() {
    let ring = ring::start_only(&[Service::Gateway, Service::Scheduler]).await;
    let client = ring.client().await;
    let now = Utc::now();
    // The jobs are made by then.
    let (from, until) = (now + TimeDelta::seconds(10), now + TimeDelta::seconds(40));
    let [from_text, until_text] =
        [from, until].map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let mut expected = Vec::new();
    for _ in 0..SCHEDULES {
        let zone = ["UTC", "Europe/Berlin", "Asia/Kathmandu"].choose(&mut rand::rng());
        let schedule = json!({ "schedule_mode": text(now), "schedule_timezone": zone });
        let mut asked = schedule.clone();
        asked["from"] = json!(from_text);
        asked["count"] = json!(40);
        let preview = client
            .send("POST", "/v1/schedules/preview", Some(asked), 200)
            .await
            .unwrap();
        let runs = preview["runs"].as_array().unwrap();
        let runs = runs.iter().map(|run| run["at"].as_str().unwrap());
        let runs = runs.filter(|at| DateTime::parse_from_rfc3339(at).unwrap() < until);
        let runs: Vec<_> = runs.map(str::to_owned).collect();
        let mut fields = schedule.clone();
        fields["is_schedule_active"] = json!(true);
        fields["overlap_policy"] = json!("allow");
        let job = client.create_job("true", fields).await.unwrap();
        expected.push((job, schedule, runs));
    }
    assert!(
        Utc::now() < from,
        "this machine was too slow to set the test up"
    );
    eventually("the time is over", async || {
        Utc::now() > until + TimeDelta::seconds(2)
    })
    .await;
    for (job, schedule, runs) in expected {
        let path = format!("/v1/jobs/{job}/slots?from={from_text}&to={until_text}&page_size=100");
        assert_eq!(instants(&client, &path).await, runs, "{schedule}");
    }
}
