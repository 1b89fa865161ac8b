//! Removes what is old or was deleted, now and then and a little at a time, so that
//! others hardly notice. What one pass leaves, because it still runs or its log is not
//! stored, the next one looks at again.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ExecId, JobId};
use store::purge::{self, Expired, OldJob, OldLogs};
use store::{AsyncConnection, PgConnection, Store, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::{Kept, RetentionConfig};

/// Rows of one transaction.
const BATCH: u16 = 250;

/// The purge.
pub(crate) struct Purge {
    pub(crate) config: RetentionConfig,
    pub(crate) store: Store,
    pub(crate) stopping: CancellationToken,
}

/// How far back the past is kept.
#[derive(Debug, Clone, Copy)]
struct Cutoffs {
    now: DateTime<Utc>,
    /// What was deleted before this is gone for good, and nothing goes that ended later.
    deleted: DateTime<Utc>,
}

impl Purge {
    /// The driver.
    pub(crate) async fn run(self) {
        let mut ticks = interval(self.config.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.stopping.clone();
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            // Cut short, a batch is rolled back as a whole.
            if let Some(Err(error)) = stopping.run_until_cancelled(self.pass()).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the purge did not get through");
            }
        }
    }

    async fn pass(&self) -> Result<(), StoreError> {
        let now = Utc::now();
        let before = |age: Duration| age_ago(now, age);
        let cutoffs = Cutoffs {
            now,
            deleted: before(self.config.deleted_for),
        };
        let mut conn = self.store.connection().await?;
        let tokens = purge::delete_tokens(&mut conn, before(self.config.tokens_for)).await?;
        count("tokens", tokens);
        drop(conn);
        self.execs(Old::Deleted, cutoffs).await?;
        self.logs(now).await?;
        let namespaces = self.jobs(cutoffs).await?;
        self.excess(&namespaces, cutoffs).await?;
        self.deleted_jobs(cutoffs).await
    }

    /// Removes old lines of execs that stay.
    async fn logs(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let before = |kept: Kept| {
            let days = kept.log_days.map(u64::from);
            days.map_or(DateTime::UNIX_EPOCH, |days| {
                age_ago(now, Duration::from_hours(24 * days))
            })
        };
        let namespaces = self.config.namespaces.iter();
        let mut old = OldLogs {
            from: DateTime::UNIX_EPOCH,
            before: before(self.config.namespace),
            namespaces: namespaces
                .map(|(namespace, kept)| (namespace.clone(), before(*kept)))
                .collect(),
        };
        loop {
            let began = Instant::now();
            let mut conn = self.store.connection().await?;
            let removed = conn
                .transaction(async |conn| purge::old_logs(conn, &mut old, BATCH.into()).await)
                .await?;
            drop(conn);
            let Some(chunks) = removed else {
                return Ok(());
            };
            count("log_chunks", chunks);
            rest(began).await;
        }
    }

    /// Removes the past of all jobs, page by page; says which namespaces they are of.
    async fn jobs(&self, cutoffs: Cutoffs) -> Result<BTreeSet<String>, StoreError> {
        let (mut namespaces, mut after) = (BTreeSet::new(), JobId(0));
        loop {
            let mut conn = self.store.connection().await?;
            let jobs = purge::page(&mut conn, after, BATCH.into()).await?;
            drop(conn);
            let Some(last) = jobs.last() else {
                return Ok(namespaces);
            };
            after = last.id;
            let expired: Vec<Expired> = jobs
                .iter()
                .filter_map(|job| self.expired(job, cutoffs))
                .collect();
            if !expired.is_empty() {
                self.past(expired, cutoffs).await?;
            }
            namespaces.extend(jobs.into_iter().map(|job| job.namespace));
        }
    }

    fn expired(&self, job: &OldJob, cutoffs: Cutoffs) -> Option<Expired> {
        let before = match (job.deleted_at, self.config.kept(&job.namespace).days) {
            (Some(deleted_at), _) if deleted_at < cutoffs.deleted => cutoffs.now,
            (_, Some(days)) => age_ago(cutoffs.now, Duration::from_hours(24 * u64::from(days))),
            (_, None) => return None,
        };
        Some(Expired::new(job.id, before))
    }

    async fn past(&self, expired: Vec<Expired>, cutoffs: Cutoffs) -> Result<(), StoreError> {
        let old: Vec<_> = expired.iter().map(|job| (job.job, job.before)).collect();
        self.execs(Old::Expired(expired), cutoffs).await?;
        loop {
            let began = Instant::now();
            let mut conn = self.store.connection().await?;
            let slots = purge::delete_slots(&mut conn, &old, BATCH.into()).await?;
            drop(conn);
            count("slots", slots);
            rest(began).await;
            if slots < usize::from(BATCH) {
                return Ok(());
            }
        }
    }

    async fn excess(
        &self,
        namespaces: &BTreeSet<String>,
        cutoffs: Cutoffs,
    ) -> Result<(), StoreError> {
        for namespace in namespaces {
            if let Some(kept) = self.config.kept(namespace).execs {
                self.execs(Old::Excess(namespace, kept.into()), cutoffs)
                    .await?;
            }
        }
        Ok(())
    }

    async fn deleted_jobs(&self, cutoffs: Cutoffs) -> Result<(), StoreError> {
        loop {
            let mut conn = self.store.connection().await?;
            let jobs = purge::deleted_jobs(&mut conn, cutoffs.deleted, BATCH.into()).await?;
            drop(conn);
            for job in &jobs {
                while !self.delete_job(*job).await? {}
            }
            count("jobs", jobs.len());
            if jobs.len() < usize::from(BATCH) {
                return Ok(());
            }
        }
    }

    async fn delete_job(&self, job: JobId) -> Result<bool, StoreError> {
        let began = Instant::now();
        let mut conn = self.store.connection().await?;
        let gone = conn
            .transaction(async |conn| purge::delete_job(conn, job, BATCH.into()).await)
            .await?;
        drop(conn);
        rest(began).await;
        Ok(gone)
    }

    /// Removes execs batch by batch until fewer are found than fit into one.
    async fn execs(&self, mut old: Old<'_>, cutoffs: Cutoffs) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            let mut conn = self.store.connection().await?;
            let (found, purged) = conn
                .transaction(async |conn| {
                    let found = old.find(conn, cutoffs.deleted).await?;
                    let purged = purge::remove(conn, &found).await?;
                    Ok::<_, StoreError>((found.len(), purged))
                })
                .await?;
            drop(conn);
            count("execs", purged.execs);
            count("log_chunks", purged.chunks);
            rest(began).await;
            if found < usize::from(BATCH) {
                return Ok(());
            }
        }
    }
}

/// Which execs go.
#[derive(Debug)]
enum Old<'a> {
    Deleted,
    Expired(Vec<Expired>),
    /// Those of a namespace beyond so many.
    Excess(&'a str, i64),
}

impl Old<'_> {
    async fn find(
        &mut self,
        conn: &mut PgConnection,
        ended_before: DateTime<Utc>,
    ) -> Result<Vec<ExecId>, StoreError> {
        match self {
            Self::Deleted => purge::deleted(conn, ended_before, BATCH.into()).await,
            Self::Expired(jobs) => purge::expired(conn, jobs, ended_before, BATCH.into()).await,
            Self::Excess(namespace, kept) => {
                purge::excess(conn, namespace, (*kept, ended_before), BATCH.into()).await
            }
        }
    }
}

/// Pauses three times as long as a batch took: at most a quarter of a connection's time goes
/// into this.
async fn rest(began: Instant) {
    let took = began.elapsed();
    metrics::histogram!("escapement_purge_batch_seconds").record(took.as_secs_f64());
    sleep(3 * took).await;
}

/// Not before 1970: nothing of ours is older, and the database knows no time without end.
fn age_ago(now: DateTime<Utc>, age: Duration) -> DateTime<Utc> {
    let age = TimeDelta::from_std(age).ok();
    let at = age.and_then(|age| now.checked_sub_signed(age));
    at.map_or(DateTime::UNIX_EPOCH, |at| at.max(DateTime::UNIX_EPOCH))
}

fn count(table: &'static str, rows: usize) {
    let rows = u64::try_from(rows).unwrap_or_default();
    metrics::counter!("escapement_purged_rows_total", "table" => table).increment(rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_ages_is_kept_since_1970() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let day = Duration::from_hours(24);
        assert_eq!(age_ago(now, day), now - TimeDelta::days(1));
        for age in [day * 3_000_000, Duration::MAX] {
            assert_eq!(age_ago(now, age), DateTime::UNIX_EPOCH);
        }
    }
}
