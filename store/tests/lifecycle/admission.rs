use std::collections::HashMap;

use shared_types::{JobId, Lane};
use store::admission::{self, HeldBy, Queue, Queued};

use super::*;

impl Ring {
    /// Execs of a job of its own, oldest first.
    async fn waiting(&self, namespace: &str, lane: Lane, count: usize) -> Vec<ExecId> {
        let ids: Vec<ExecId> = (0..count).map(|_| ExecId::new()).collect();
        self.owner(&format!(
            "INSERT INTO jobs (namespace, name, created_by, region, spec)
                 VALUES ('{namespace}', 'j', 'demo', '{REGION}', '{{}}')"
        ))
        .await;
        for id in &ids {
            self.owner(&format!(
                "INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                                    spec, lane)
                 SELECT '{id}', max(id), '{namespace}', '{REGION}', 0, 'M', 'demo', '{{}}', '{}'
                 FROM jobs",
                lane.as_str()
            ))
            .await;
        }
        ids
    }

    async fn queued(&self, full: &[JobId], limit: usize) -> Vec<Queued> {
        let mut conn = self.conn().await;
        admission::queued(&mut conn, REGION, full, limit)
            .await
            .unwrap()
    }

    async fn admit(&self, execs: &[ExecId]) -> Vec<ExecId> {
        let mut conn = self.conn().await;
        conn.transaction(async |conn| lifecycle::begin_first(conn, execs, now()).await)
            .await
            .unwrap()
    }
}

fn ids(queued: &[Queued]) -> Vec<ExecId> {
    queued.iter().map(|exec| exec.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_namespace_shows_its_first_normal_ones_before_low_ones() {
    let ring = Ring::new().await;
    assert!(ring.queued(&[], 9).await.is_empty());
    let low = ring.waiting("a", Lane::Low, 2).await;
    let normal = ring.waiting("a", Lane::Normal, 2).await;
    let others = ring.waiting("b", Lane::Normal, 1).await;
    let cancelled = ring.waiting("c", Lane::Normal, 1).await;
    ring.cancel(cancelled[0]).await;
    ring.owner("UPDATE jobs SET max_running = 7 WHERE namespace = 'b'")
        .await;

    let found = ring.queued(&[], 3).await;
    assert_eq!(ids(&found), [normal[0], normal[1], low[0], others[0]]);
    assert_eq!(
        (found[3].max_running, found[3].namespace.as_str()),
        (Some(7), "b")
    );
    let full = [found[0].job_id];
    assert_eq!(ids(&ring.queued(&full, 1).await), [low[0], others[0]]);
    let mut conn = ring.conn().await;
    assert_eq!(admission::count_queued(&mut conn, REGION).await.unwrap(), 5);
    assert_eq!(
        admission::count_queued(&mut conn, "elsewhere")
            .await
            .unwrap(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_holds_its_place_from_its_admission_to_its_end() {
    let ring = Ring::new().await;
    let execs = ring.waiting("a", Lane::Normal, 3).await;
    ring.waiting("b", Lane::Normal, 1).await;
    ring.owner("UPDATE jobs SET max_running = 2 WHERE namespace = 'a'")
        .await;
    ring.cancel(execs[2]).await;
    assert_eq!(
        ring.admit(&execs).await,
        execs[..2],
        "all that are not cancelled"
    );
    assert_eq!(ring.admit(&execs).await, [], "and once");
    let mut conn = ring.conn().await;
    let running = admission::running(&mut conn, REGION).await.unwrap();
    assert_eq!(
        (running.namespaces.get("a"), running.total()),
        (Some(&2), 2)
    );
    let of_jobs: Vec<_> = running.jobs.values().copied().collect();
    assert_eq!(of_jobs, [(2, 2)]);
    let events = events::list(&mut conn, execs[0]).await.unwrap();
    assert_eq!(events[0].message, "Attempt 1.");

    ring.owner(&format!(
        "UPDATE execs SET state = 'failed', reason = 'oom', ended_at = now() WHERE id = '{}'",
        execs[0]
    ))
    .await;
    let running = admission::running(&mut conn, REGION).await.unwrap();
    assert_eq!(running.total(), 1);
    // Sweeps look at what was admitted, and at what is to be cancelled.
    let swept = lifecycle::open_page(&mut conn, REGION, Shards::ALL, None, 9)
        .await
        .unwrap();
    let swept: Vec<_> = swept.iter().map(|exec| exec.id).collect();
    assert_eq!(swept, [execs[1], execs[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_since_an_instant_is_found_by_its_id() {
    let ring = Ring::new().await;
    let old = ring.waiting("a", Lane::Normal, 2).await;
    let mut conn = ring.conn().await;
    let before = now() + TimeDelta::seconds(1);
    let found = admission::queued_before(&mut conn, REGION, before, 1)
        .await
        .unwrap();
    assert_eq!(found, old[..1]);
    let before = now() - TimeDelta::minutes(1);
    let found = admission::queued_before(&mut conn, REGION, before, 9)
        .await
        .unwrap();
    assert_eq!(found, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_kept_as_they_were_left() {
    let ring = Ring::new().await;
    let mut conn = ring.conn().await;
    let held = Queue {
        held: Some((HeldBy::StartRate, 60)),
        paced_until: Some(DateTime::from_timestamp(9, 0).unwrap()),
    };
    let left = [
        ("a".to_owned(), held.clone()),
        ("b".to_owned(), Queue::default()),
    ];
    admission::keep_queues(&mut conn, REGION, &left)
        .await
        .unwrap();
    let moved = [
        ("b".to_owned(), held.clone()),
        ("a".to_owned(), Queue::default()),
    ];
    admission::keep_queues(&mut conn, REGION, &moved)
        .await
        .unwrap();
    let kept = admission::queues(&mut conn, REGION).await.unwrap();
    let expected = HashMap::from([("b".to_owned(), held), ("a".to_owned(), Queue::default())]);
    assert_eq!(kept, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_of_one_region_exclude_each_other() {
    let ring = Ring::new().await;
    let (mut one, mut other) = (ring.conn().await, ring.conn().await);
    one.batch_execute("BEGIN").await.unwrap();
    other.batch_execute("BEGIN").await.unwrap();
    admission::lock(&mut one, REGION).await.unwrap();
    admission::lock(&mut other, "elsewhere").await.unwrap();
    other
        .batch_execute("SET LOCAL lock_timeout = '100ms'")
        .await
        .unwrap();
    assert!(admission::lock(&mut other, REGION).await.is_err());
}
