//! Schedulers on a database full of schedules.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use devstack::{Infra, Ring, Service};
use e2e::metrics;

use crate::histogram::{Histogram, LATENESS};

/// Namespaces that the schedules are spread over.
const NAMESPACES: u32 = 10;
/// How long planning and loading may take before the first is due.
const LEAD: TimeDelta = TimeDelta::seconds(15);

/// A ring without a gateway and executors.
pub(crate) struct Fleet {
    pub(crate) ring: Ring,
}

/// What is due when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// How many schedules, each with one instant.
    pub(crate) count: u32,
    /// When the first is due.
    pub(crate) base: DateTime<Utc>,
    /// Between two of them.
    pub(crate) spacing: Duration,
}

impl Load {
    /// Soon, at this pace.
    pub(crate) fn soon(count: u32, spacing: Duration) -> Self {
        let base = (Utc::now() + LEAD).trunc_subsecs(0);
        Self {
            count,
            base,
            spacing,
        }
    }

    pub(crate) fn instant(&self, number: u32) -> DateTime<Utc> {
        self.base + TimeDelta::from_std(self.spacing * number).unwrap_or_default()
    }
}

impl Fleet {
    /// Starts this many schedulers.
    pub(crate) async fn start(name: &str, replicas: u32) -> Result<Self> {
        let ring = Ring::builder(&Infra::from_env()?, name)
            .only(&[])
            .start()
            .await?;
        let fleet = Self { ring };
        // A run that was cut off leaves its rows.
        fleet.clear().await?;
        for number in 1..=replicas {
            fleet.ring.start_replica(Service::Scheduler, number).await?;
        }
        Ok(fleet)
    }

    /// Makes the schedules of a load; returns when it is ready to begin.
    pub(crate) async fn fill(&self, load: &Load) -> Result<()> {
        let base = load.base.to_rfc3339();
        let micros = load.spacing.as_micros();
        let mode = format!(
            "'R1/' || to_char(('{base}'::timestamptz + (n - 1) * {micros} * interval '1 us') \
             AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || '/PT1H'"
        );
        self.insert(load.count, &mode).await
    }

    /// Makes schedules whose text is this SQL expression of `n`.
    pub(crate) async fn insert(&self, count: u32, mode: &str) -> Result<()> {
        let spec = r#"{"command":"true","image_repo":"r.io/demo","image_tag":"1","size":"XS","vars":{"MODE":"bench"}}"#;
        let region = self.ring.region();
        let sql = format!(
            "BEGIN;
             INSERT INTO jobs (namespace, name, created_by, region, spec)
             SELECT 'bench-' || n % {NAMESPACES}, 'bench', 'bench', '{region}', '{spec}'
             FROM generate_series(1, {count}) n;
             INSERT INTO schedules (job_id, mode, active)
             SELECT id, {mode}, true FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM jobs) numbered;
             COMMIT;"
        );
        self.ring.query(&sql).await?;
        self.settle().await
    }

    /// Lets what was written so far reach the disk, so that the next part does not
    /// wait for it.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.ring.query("ANALYZE jobs, schedules").await?;
        self.ring.query("CHECKPOINT").await.map(drop)
    }

    /// Waits until every schedule of the load is planned; fails if that is too
    /// late for the first.
    pub(crate) async fn planned(&self, load: &Load) -> Result<()> {
        let unplanned = "SELECT count(*) FROM schedules WHERE observed_generation <> generation";
        self.until(unplanned, 0, Duration::from_mins(1)).await?;
        ensure!(
            Utc::now() < load.base,
            "planned too late; give it more time"
        );
        Ok(())
    }

    /// Waits until a count is this one.
    pub(crate) async fn until(&self, sql: &str, expected: i64, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let count = self.number(sql).await?;
            if count == expected {
                return Ok(());
            }
            ensure!(start.elapsed() < limit, "{sql}: {count}, not {expected}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        let text = self.ring.query(sql).await?;
        text.trim()
            .parse()
            .with_context(|| format!("{sql}: {text}"))
    }

    /// Fails unless each schedule of the load has fired once, and nothing else
    /// is in the ledger.
    pub(crate) async fn audit(&self, load: &Load) -> Result<()> {
        let count = i64::from(load.count);
        let fired = "SELECT count(*) FROM slots s JOIN execs e ON e.id = s.exec_id
                     WHERE s.outcome = 'fired' AND s.count = 1 AND e.slot_at = s.first_at";
        self.until(fired, count, Duration::from_mins(1)).await?;
        for (what, sql) in [
            ("entries", "SELECT count(*) FROM slots"),
            ("execs", "SELECT count(*) FROM execs"),
            (
                "jobs that fired",
                "SELECT count(DISTINCT job_id) FROM execs",
            ),
        ] {
            let found = self.number(sql).await?;
            ensure!(found == count, "{found} {what}, not {count}");
        }
        Ok(())
    }

    /// The lateness of everything so far, by these replicas.
    pub(crate) async fn lateness(&self, replicas: &[u32]) -> Result<Histogram> {
        let mut all = Histogram::default();
        for number in replicas {
            let text = metrics::text(&self.ring, Service::Scheduler, *number).await?;
            all = all.with(&Histogram::read(LATENESS, &text)?);
        }
        Ok(all)
    }

    /// The value of a metric without labels, or with these.
    pub(crate) async fn metric(&self, number: u32, name: &str) -> Result<f64> {
        metrics::value(&self.ring, Service::Scheduler, number, name).await
    }

    /// Removes all schedules and what came of them.
    pub(crate) async fn clear(&self) -> Result<()> {
        self.ring
            .query("TRUNCATE jobs, exec_counts CASCADE")
            .await
            .map(drop)
    }
}
