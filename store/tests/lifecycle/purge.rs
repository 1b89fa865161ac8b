use shared_types::JobId;
use store::purge::{self, Expired, OldLogs, Purged};

use super::*;

/// A job with this spec, and its number.
async fn job(ring: &Ring, namespace: &str, secret_vars: &str) -> JobId {
    ring.owner(&format!(
        "INSERT INTO jobs (namespace, name, created_by, region, spec) VALUES
             ('{namespace}', 'j', 'demo', '{REGION}',
              '{{\"command\":\"c\",\"image_repo\":\"i\",\"image_tag\":\"t\",\"size\":\"S\",
                 \"vars\":{{}},\"secret_vars\":{secret_vars}}}');
         INSERT INTO schedules (job_id, active) SELECT max(id), false FROM jobs"
    ))
    .await;
    JobId(ring.database.rows("jobs").await)
}

/// Execs of a job that have ended so many days ago, oldest first, with an attempt, an
/// event and a stored log each.
async fn ended(ring: &Ring, job: JobId, days: &[i32]) -> Vec<ExecId> {
    let mut ids = Vec::new();
    for days in days {
        let id = ExecId::new();
        ids.push(id);
        ring.owner(&format!(
            "INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                                spec, created_at, state, reason, ended_at, started_at, attempt)
                 SELECT '{id}', id, namespace, region, 0, 'M', 'demo', spec, past, 'succeeded',
                        'completed', past, past, 1
                 FROM jobs, LATERAL (SELECT now() - interval '{days} days' AS past) t
                 WHERE id = {job};
             INSERT INTO exec_attempts (exec_id, attempt) VALUES ('{id}', 1);
             INSERT INTO exec_events VALUES ('{id}', 1, 'ended', now(), '');
             INSERT INTO log_streams (exec_id, attempt, region, pod_uid, epoch, sealed_at, complete)
                 VALUES ('{id}', 1, '{REGION}', 'p', 1, now(), true);
             INSERT INTO log_chunks VALUES ('{id}', 1, 0, 1, now(), now(), 1, 'x')"
        ))
        .await;
    }
    ids
}

fn day_ago(days: i64) -> DateTime<Utc> {
    now() - TimeDelta::days(days)
}

impl Ring {
    async fn expired(&self, job: JobId, days: i64) -> Vec<ExecId> {
        let before = day_ago(days);
        let mut conn = self.conn().await;
        purge::expired(&mut conn, &mut [Expired::new(job, before)], day_ago(1), 9)
            .await
            .unwrap()
    }

    async fn remove(&self, execs: &[ExecId]) -> Purged {
        let mut conn = self.conn().await;
        conn.transaction(async |conn| purge::remove(conn, execs).await)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_with_everything_that_is_its_own() {
    let ring = Ring::new().await;
    let job = job(&ring, "demo", "{}").await;
    let execs = ended(&ring, job, &[100, 91, 89]).await;
    let found = ring.expired(job, 90).await;
    assert_eq!(found, execs[..2]);
    let purged = ring.remove(&found).await;
    assert_eq!((purged.execs, purged.chunks), (2, 2));
    for table in [
        "execs",
        "exec_attempts",
        "exec_events",
        "log_streams",
        "log_chunks",
    ] {
        assert_eq!(ring.database.rows(table).await, 1, "{table}");
    }
    let counted = "(SELECT FROM exec_counts GROUP BY job_id HAVING sum(count) = 1) one";
    assert_eq!(
        ring.database.rows(counted).await,
        1,
        "lists count what is left"
    );
    assert_eq!(
        ring.remove(&found).await,
        Purged::default(),
        "again is nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_found_bit_by_bit() {
    let ring = Ring::new().await;
    let (one, other) = (
        job(&ring, "demo", "{}").await,
        job(&ring, "demo", "{}").await,
    );
    // Two of the same instant: the next look must not pass over the second.
    let mut execs = ended(&ring, one, &[99, 98, 97, 80]).await;
    ring.owner(
        "UPDATE execs SET created_at = (SELECT created_at FROM execs ORDER BY created_at LIMIT 1)
         WHERE created_at < now() - interval '98 days' + interval '1 hour'",
    )
    .await;
    execs.truncate(3);
    execs.extend(ended(&ring, other, &[95, 94]).await);
    let mut jobs = [one, other].map(|job| Expired::new(job, day_ago(90)));
    let mut conn = ring.conn().await;
    let mut found = Vec::new();
    loop {
        let some = purge::expired(&mut conn, &mut jobs, day_ago(1), 1).await;
        let some = some.unwrap();
        ring.remove(&some).await;
        found.extend_from_slice(&some);
        if some.is_empty() {
            break;
        }
    }
    assert_eq!(found, execs);
    assert!(jobs.iter().all(|job| job.from > day_ago(100)), "{jobs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_or_is_not_stored_or_ended_just_now_stays() {
    let ring = Ring::new().await;
    let job = job(&ring, "demo", "{}").await;
    let [runs, open, late, deleted] = ended(&ring, job, &[100; 4]).await[..] else {
        unreachable!()
    };
    ring.owner(&format!(
        "UPDATE execs SET state = 'running', reason = NULL, ended_at = NULL WHERE id = '{runs}';
         UPDATE log_streams SET sealed_at = NULL, complete = NULL WHERE exec_id = '{open}';
         UPDATE execs SET ended_at = now() - interval '23 hours' WHERE id = '{late}';
         UPDATE execs SET deleted_at = now() - interval '25 hours'
             WHERE id IN ('{deleted}', '{runs}')"
    ))
    .await;
    assert_eq!(ring.expired(job, 90).await, []);
    let mut conn = ring.conn().await;
    let found = purge::deleted(&mut conn, day_ago(1), 9).await.unwrap();
    assert_eq!(found, [deleted]);
    assert_eq!(purge::deleted(&mut conn, day_ago(2), 9).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_keeps_its_newest() {
    let ring = Ring::new().await;
    let (one, other) = (
        job(&ring, "demo", "{}").await,
        job(&ring, "demo", "{}").await,
    );
    let elsewhere = job(&ring, "elsewhere", "{}").await;
    let old = ended(&ring, one, &[9, 5]).await;
    let more = ended(&ring, other, &[7, 3]).await;
    ended(&ring, elsewhere, &[8]).await;
    let mut conn = ring.conn().await;
    for (kept, limit, expected) in [
        (1, 9, vec![old[0], more[0], old[1]]),
        (1, 2, vec![old[0], more[0]]),
        (4, 9, vec![]),
        (9, 9, vec![]),
    ] {
        let found = purge::excess(&mut conn, "demo", (kept, day_ago(1)), limit).await;
        assert_eq!(found.unwrap(), expected, "{kept} {limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_with_the_last_that_names_it() {
    let ring = Ring::new().await;
    ring.owner(
        "INSERT INTO secrets (namespace, key_id, sealed) VALUES ('demo', 'k', 'v1'), ('demo', 'k', 'v2')",
    )
    .await;
    let job = job(&ring, "demo", r#"{"A":1}"#).await;
    let execs = ended(&ring, job, &[100, 99]).await;
    ring.owner(r#"UPDATE jobs SET spec = jsonb_set(spec, '{secret_vars}', '{"A":2}')"#)
        .await;
    let last = ended(&ring, job, &[98]).await;
    let left = async || ring.database.rows("secrets").await;
    ring.remove(&execs[..1]).await;
    assert_eq!(left().await, 2, "an exec still names it");
    ring.remove(&execs[1..]).await;
    assert_eq!(left().await, 1);
    ring.remove(&last).await;
    assert_eq!(left().await, 1, "its job still names it");
    assert_eq!(ring.database.rows("secrets WHERE sealed = 'v2'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_goes_when_its_last_exec_has() {
    let ring = Ring::new().await;
    ring.owner("INSERT INTO secrets (namespace, key_id, sealed) VALUES ('demo', 'k', 'v')")
        .await;
    let job = job(&ring, "demo", r#"{"A":1}"#).await;
    let execs = ended(&ring, job, &[2]).await;
    ring.owner(
        "UPDATE jobs SET deleted_at = now() - interval '2 days';
         INSERT INTO slots (job_id, generation, first_at, last_at, count, outcome, reason)
             SELECT 1, 1, at, at, 1, 'skipped', 'paused'
             FROM generate_series(now() - interval '3 days', now(), interval '1 day') at",
    )
    .await;
    let mut conn = ring.conn().await;
    let jobs = async |conn: &mut PooledConnection| purge::deleted_jobs(conn, day_ago(1), 9).await;
    assert_eq!(jobs(&mut conn).await.unwrap(), []);
    ring.remove(&execs).await;
    assert_eq!(jobs(&mut conn).await.unwrap(), [job]);
    let mut batches = 1;
    while !purge::delete_job(&mut conn, job, 3).await.unwrap() {
        batches += 1;
    }
    assert_eq!(
        batches, 3,
        "4 entries of its ledger, 3 at a time, then itself"
    );
    for table in ["jobs", "schedules", "slots", "secrets", "exec_counts"] {
        assert_eq!(ring.database.rows(table).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_keeps_what_its_scheduler_goes_on_from() {
    let ring = Ring::new().await;
    let job = job(&ring, "demo", "{}").await;
    ring.owner(
        "INSERT INTO slots (job_id, generation, first_at, last_at, count, outcome, reason, lane)
         SELECT 1, generation, past, past, 1, outcome, reason, lane
         FROM (VALUES (1, 99, 'skipped', 'overlap', NULL), (1, 98, 'queued', NULL, 'low'),
                      (1, 97, 'skipped', 'overlap', NULL), (1, 96, 'skipped', 'excluded', NULL),
                      (2, 95, 'skipped', 'overlap', NULL), (2, 5, 'skipped', 'overlap', NULL),
                      (3, 94, 'skipped', 'overlap', NULL))
              entry (generation, days, outcome, reason, lane),
              LATERAL (SELECT now() - days * interval '1 day' AS past) t",
    )
    .await;
    let mut conn = ring.conn().await;
    let old = [(job, day_ago(90))];
    assert_eq!(purge::delete_slots(&mut conn, &old, 1).await.unwrap(), 1);
    assert_eq!(purge::delete_slots(&mut conn, &old, 9).await.unwrap(), 1);
    assert_eq!(purge::delete_slots(&mut conn, &old, 9).await.unwrap(), 0);
    let gone =
        "slots WHERE first_at BETWEEN now() - interval '99.5 days' AND now() - interval '98.5 days'
        OR generation = 2 AND first_at < now() - interval '90 days'";
    assert_eq!(ring.database.rows(gone).await, 0);
    assert_eq!(ring.database.rows("slots").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn useless_tokens_go() {
    let ring = Ring::new().await;
    ring.owner(
        "INSERT INTO accounts (name) VALUES ('demo');
         INSERT INTO tokens (account_id, sha256, revoked_at, expires_at)
         SELECT id, sha256(token.number::text::bytea), token.revoked, token.expires
         FROM accounts, (VALUES (1, now() - interval '31 days', NULL),
                                (2, NULL, now() - interval '31 days'),
                                (3, NULL::timestamptz, NULL::timestamptz),
                                (4, now() - interval '29 days', now() + interval '1 day'))
              token (number, revoked, expires)",
    )
    .await;
    let mut conn = ring.conn().await;
    assert_eq!(
        purge::delete_tokens(&mut conn, day_ago(30)).await.unwrap(),
        2
    );
    assert_eq!(ring.database.rows("tokens").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_before_their_execs() {
    let ring = Ring::new().await;
    let (demo, other) = (
        job(&ring, "demo", "{}").await,
        job(&ring, "other", "{}").await,
    );
    let demo = ended(&ring, demo, &[50, 40, 20]).await;
    let other = ended(&ring, other, &[50, 20]).await;
    ring.owner(
        "UPDATE log_streams SET sealed_at = execs.ended_at, next_seq = 1, bytes = 9
         FROM execs WHERE execs.id = exec_id",
    )
    .await;
    let open = ended(&ring, JobId(1), &[60]).await;
    ring.owner(&format!(
        "UPDATE log_streams SET sealed_at = NULL, complete = NULL WHERE exec_id = '{}'",
        open[0]
    ))
    .await;
    let mut old = OldLogs {
        from: DateTime::UNIX_EPOCH,
        before: day_ago(30),
        namespaces: [("other".to_owned(), day_ago(10))].into(),
    };
    let mut conn = ring.conn().await;
    let mut removed = Vec::new();
    while let Some(chunks) = conn
        .transaction(async |conn| purge::old_logs(conn, &mut old, 2).await)
        .await
        .unwrap()
    {
        removed.push(chunks);
    }
    assert_eq!(removed, [2, 2]);
    for (exec, gone) in [
        (demo[0], true),
        (demo[1], true),
        (demo[2], false),
        (other[0], true),
        (other[1], true),
        (open[0], false),
    ] {
        let streams = store::logs::list(&mut conn, exec).await.unwrap();
        assert_eq!(streams[0].removed_at.is_some(), gone);
        let lines = ring
            .database
            .rows(&format!("log_chunks WHERE exec_id = '{exec}'"))
            .await;
        assert_eq!(lines, i64::from(!gone));
    }
    assert_eq!(ring.database.rows("execs").await, 6);
}
