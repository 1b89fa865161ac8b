//! A job with very many execs, and its pages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use devstack::Ring;
use e2e::Client;
use serde_json::{Value, json};

/// Rows of one statement.
const BATCH: i64 = 100_000;

/// The job.
pub(crate) struct LongList<'a> {
    ring: &'a Ring,
    client: &'a Client,
    job: i64,
}

/// What an answer must say of the list's length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    count: i64,
    is_exact: bool,
}

impl Expected {
    pub(crate) fn exactly(count: i64) -> Self {
        Self {
            count,
            is_exact: true,
        }
    }

    pub(crate) fn at_least(count: i64) -> Self {
        Self {
            count,
            is_exact: false,
        }
    }
}

impl<'a> LongList<'a> {
    /// Makes the job and its execs, one a second up to now: nine of ten have
    /// succeeded, the others failed.
    pub(crate) async fn fill(ring: &'a Ring, client: &'a Client, execs: i64) -> Result<Self> {
        let body = json!({
            "name": "long", "command": "true", "docker_image_repo": "r.io/demo",
            "runtime_vars": { "MODE": "bench" },
        });
        let job = client.send("POST", "/v1/jobs", Some(body), 201).await?;
        let job = job["id"].as_i64().context("a job has a numeric id")?;
        for first in (1..=execs).step_by(usize::try_from(BATCH)?) {
            let last = execs.min(first + BATCH - 1);
            ring.query(&insert(job, (first, last), execs)).await?;
        }
        ring.query("VACUUM ANALYZE execs").await?;
        Ok(Self { ring, client, job })
    }

    /// A cursor as the API makes it, after `depth` execs and one page.
    pub(crate) async fn cursor_at(&self, depth: i64) -> Result<String> {
        let sql = format!(
            "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
             FROM execs WHERE job_id = {} ORDER BY created_at DESC, id DESC OFFSET {depth} LIMIT 1",
            self.job
        );
        let before = self.ring.query(&sql).await?;
        let page = self
            .get(&format!("created_before={}", before.trim()))
            .await?;
        let next = page["next"].as_str().context("the list goes on")?;
        let (_, cursor) = next.split_once("cursor=").context("a link has a cursor")?;
        Ok(cursor.to_owned())
    }

    /// Asks for a page, checks it, and says how long it took.
    pub(crate) async fn page(&self, query: &str, expected: Expected) -> Result<Duration> {
        let start = Instant::now();
        let page = self.get(query).await?;
        let elapsed = start.elapsed();
        let rows = page["results"].as_array().map(Vec::len);
        ensure!(rows == Some(20), "{query}: {rows:?} rows");
        ensure!(
            page["count"] == expected.count && page["count_is_exact"] == expected.is_exact,
            "{query}: count {}, exact {}; {expected:?}",
            page["count"],
            page["count_is_exact"]
        );
        Ok(elapsed)
    }

    /// How long Postgres takes for a page that it reaches by skipping.
    pub(crate) async fn by_offset(&self, depth: i64) -> Result<Duration> {
        let sql = format!(
            "EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM execs
             WHERE job_id = {} AND deleted_at IS NULL
             ORDER BY created_at DESC, id DESC OFFSET {depth} LIMIT 21",
            self.job
        );
        let plan = self.ring.query(&sql).await?;
        let (_, time) = plan
            .rsplit_once("Execution Time: ")
            .context("a plan has a time")?;
        let millis: f64 = time.trim().trim_end_matches(" ms").parse()?;
        Ok(Duration::from_secs_f64(millis / 1000.0))
    }

    /// Deletes one exec of a thousand, as the API does it; says how many.
    pub(crate) async fn delete_some(&self) -> Result<i64> {
        let sql = format!(
            "WITH hidden AS (
                 UPDATE execs SET deleted_at = now()
                 WHERE job_id = {} AND extract(epoch FROM created_at)::bigint % 1000 = 0
                 RETURNING 1
             ) SELECT count(*) FROM hidden",
            self.job
        );
        Ok(self.ring.query(&sql).await?.trim().parse()?)
    }

    async fn get(&self, query: &str) -> Result<Value> {
        let path = format!("/v1/jobs/{}/execs?{query}", self.job);
        self.client.send("GET", &path, None, 200).await
    }
}

/// Ended execs of these numbers, counted from the oldest. Written by the owner:
/// no service may write both intent and status.
fn insert(job: i64, (first, last): (i64, i64), execs: i64) -> String {
    format!(
        "INSERT INTO execs (id, job_id, namespace, region, shard, trigger_mode, created_by,
                            created_at, spec, state, reason, exit_code, attempt, started_at, ended_at)
         SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                 || '70008' || substr(md5(n::text), 1, 15))::uuid,
                jobs.id, namespace, region, n % 64, 'M', created_by, at, spec,
                CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, 'exit_code',
                CASE WHEN n % 10 = 0 THEN 1 ELSE 0 END, 1, at, at
         FROM jobs, generate_series({first}, {last}) AS n,
              LATERAL (SELECT date_trunc('second', now()) - ({execs} - n) * interval '1 s') AS t (at)
         WHERE jobs.id = {job}"
    )
}
