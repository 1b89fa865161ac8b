//! What running services serve at `/metrics`, against the page that explains it.

use std::collections::BTreeMap;

use devstack::Service;
use e2e::metrics;

use crate::ring::{self, LIMIT};

const PAGE: &str = include_str!("../../../docs/METRICS.md");

/// The metrics that the page says a service has, with their kinds.
fn listed(service: Service) -> BTreeMap<&'static str, &'static str> {
    let sections = PAGE.split("\n## ").skip(1);
    let its = sections.filter(|section| {
        let heading = section.lines().next().unwrap();
        heading == "Every service" || heading.contains(service.program())
    });
    let rows = its
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("| `"));
    let cells = |row: &'static str| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (name, rest.split(" | ").next().unwrap())
    };
    rows.map(cells).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_serve_the_metrics_that_the_page_lists() {
    let ring = ring::start().await;
    let client = ring.client().await;
    let schedule =
        serde_json::json!({ "schedule_mode": "* * * * * *", "is_schedule_active": true });
    let job = client.create_job("true", schedule).await.unwrap();
    let exec = client.trigger(job).await.unwrap();
    client.wait(&exec, "S", LIMIT).await.unwrap();
    ring.sealed_log(&client, &exec).await;
    let paused = serde_json::json!({ "is_schedule_active": false });
    let path = format!("/v1/jobs/{job}");
    client
        .send("PATCH", &path, Some(paused), 200)
        .await
        .unwrap();
    for service in Service::ALL {
        let text = metrics::text(ring.stack(), service, 1).await.unwrap();
        let listed = listed(service);
        let kinds = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE escapement_"));
        let served: Vec<_> = kinds.map(|line| line.split_once(' ').unwrap()).collect();
        assert!(served.len() >= 4, "{service:?} serves {served:?}");
        for (name, kind) in served {
            let name = format!("escapement_{name}");
            assert_eq!(
                listed.get(name.as_str()),
                Some(&kind),
                "{name} of {service:?}"
            );
        }
    }
    ring.leaves_nothing_behind().await;
}
