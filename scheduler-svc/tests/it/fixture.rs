//! A database with schedules, seen by each service with its own rights.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use recurrence::Recurrence;
use scheduler_svc::config::SchedulerConfig;
use scheduler_svc::scheduler::{Requested, Scheduler};
use shared_types::{
    Command, ExecEvent, ExecId, ExecSpec, JobId, Reason, ScheduleRules, Shards, TriggerMode,
};
use store::execs::{self, ExecFilter, ManualTrigger};
use store::jobs::{self, JobDefinition};
use store::leases::LeaseTime;
use store::lifecycle::{self, End};
use store::schedules::{self, Edited, Intent, Schedule};
use store::slots::{self, Slot, SlotOutcome};
use store::testing::TestDatabase;
use store::{AsyncConnection, DatabaseRole, PooledConnection, Store};

pub(crate) struct Fixture {
    database: TestDatabase,
    gateway: Store,
    executor: Store,
    pub(crate) scheduler: Store,
    /// A full second that lies after everything the test sets up.
    pub(crate) base: DateTime<Utc>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        Self {
            gateway: database.store(DatabaseRole::Gateway),
            executor: database.store(DatabaseRole::Executor),
            scheduler: database.store(DatabaseRole::Scheduler),
            database,
            base: Utc::now().trunc_subsecs(0) + TimeDelta::hours(1),
        }
    }

    /// The `seconds`-th second of the test.
    pub(crate) fn at(&self, seconds: f64) -> DateTime<Utc> {
        self.base + delta(seconds)
    }

    /// A schedule's text that begins at `base`.
    pub(crate) fn text(&self, runs: &str, period: &str) -> String {
        format!("{runs}/{}/{period}", self.base.format("%FT%TZ"))
    }

    /// A replica with its own connections.
    pub(crate) fn replica(&self) -> Scheduler {
        let config = SchedulerConfig {
            sweep: Duration::from_secs(2),
            horizon: Duration::from_secs(10),
            batch: 20,
            lease: LeaseTime::SHORTEST,
        };
        let mut replica = Scheduler::new(self.database.store(DatabaseRole::Scheduler), &config);
        replica.assign(Shards::ALL);
        replica
    }

    pub(crate) async fn job(&self, mode: &str) -> Result<JobId> {
        self.job_with(mode, ScheduleRules::default()).await
    }

    pub(crate) async fn job_with(&self, mode: &str, rules: ScheduleRules) -> Result<JobId> {
        let new = JobDefinition {
            namespace: "team".to_owned(),
            name: "tick".to_owned(),
            created_by: "team".to_owned(),
            region: "R1".to_owned(),
            spec: ExecSpec {
                command: Command::Text("true".to_owned()),
                image_repo: "demo".to_owned(),
                image_tag: "1".to_owned(),
                size: "S".to_owned(),
                vars: [("A".to_owned(), "b".to_owned())].into(),
                entrypoint: Vec::new(),
                log_proof: false,
                secret_vars: [].into(),
                rules: shared_types::RunRules::default(),
            },
            max_running: None,
            email_enabled: false,
            schedule_mode: Some(mode.to_owned()),
            schedule_rules: rules,
            schedule_active: true,
        };
        let mut conn = self.gateway.connection().await?;
        let job = conn
            .transaction(async |conn| jobs::insert(conn, new).await)
            .await?;
        Ok(job.id)
    }

    pub(crate) async fn edit(&self, job: JobId, intent: Intent) -> Result<Edited> {
        let mut conn = self.gateway.connection().await?;
        conn.transaction(async |conn| {
            let locked = schedules::lock(conn, &[job]).await?;
            Ok(schedules::edit(conn, &locked[0], &intent).await?)
        })
        .await
    }

    pub(crate) async fn end(&self, exec: ExecId) -> Result<()> {
        let end = End {
            attempt: 0,
            event: ExecEvent::Cancelled,
            reason: Reason::CancelledByUser,
            message: "Cancelled.".to_owned(),
            line: "Cancelled.".to_owned(),
            exit_code: None,
            at: Utc::now(),
            start: None,
            placement: None,
            said: None,
            only_unclaimed: true,
        };
        let mut conn = self.executor.connection().await?;
        conn.transaction(async |conn| lifecycle::end(conn, exec, &end).await)
            .await?;
        Ok(())
    }

    /// A manual exec of the job, open.
    pub(crate) async fn trigger(&self, job: JobId) -> Result<()> {
        let mut conn = self.gateway.connection().await?;
        let wish = ManualTrigger {
            id: ExecId::new(),
            job_id: job,
            created_by: "ann".to_owned(),
            traceparent: None,
        };
        execs::trigger(&mut conn, &wish).await?;
        Ok(())
    }

    /// Pauses a schedule from the beginning.
    pub(crate) async fn pause(&self, job: JobId, text: &str) -> Result<()> {
        let schedule = self.schedule(job).await?;
        let intent = Intent {
            mode: Some(text.to_owned()),
            rules: schedule.revision.rules,
            active: false,
            effective_from: self.at(-10.0),
        };
        self.edit(job, intent).await?;
        Ok(())
    }

    /// Where an exec waits.
    pub(crate) async fn lane(&self, exec: ExecId) -> Result<String> {
        let low = format!("execs WHERE id = '{exec}' AND lane = 'low'");
        let is_low = self.database.rows(&low).await > 0;
        Ok(if is_low { "low" } else { "normal" }.to_owned())
    }

    pub(crate) async fn gateway(&self) -> Result<PooledConnection> {
        Ok(self.gateway.connection().await?)
    }

    pub(crate) async fn connection(&self) -> Result<PooledConnection> {
        Ok(self.scheduler.connection().await?)
    }

    pub(crate) async fn schedule(&self, job: JobId) -> Result<Schedule> {
        let mut conn = self.connection().await?;
        schedules::get(&mut conn, job)
            .await?
            .ok_or_else(|| anyhow::anyhow!("job {job} has no schedule"))
    }

    pub(crate) async fn ledger(&self, job: JobId) -> Result<Vec<Slot>> {
        let mut conn = self.connection().await?;
        Ok(slots::list(&mut conn, job).await?)
    }

    /// What became of each entry of the ledger, with its seconds after `base`.
    pub(crate) async fn story(&self, job: JobId) -> Result<Vec<(i64, i64, &'static str)>> {
        let seconds = |at: DateTime<Utc>| (at - self.base).num_seconds();
        let ledger = self.ledger(job).await?;
        Ok(ledger
            .iter()
            .map(|slot| (seconds(slot.first_at), slot.count, slot.outcome.as_str()))
            .collect())
    }

    /// The ledger is the recurrence, instant by instant without gap or double,
    /// from its first to its `count`-th, and each fired instant has its exec.
    pub(crate) async fn audit(&self, job: JobId, text: &str, count: u64) -> Result<Vec<ExecId>> {
        let recurrence = Recurrence::parse(text)?;
        let mut conn = self.connection().await?;
        let (mut k, mut fired) = (0, Vec::new());
        for slot in slots::list(&mut conn, job).await? {
            let last = k + slot.count.unsigned_abs() - 1;
            ensure!(
                recurrence.kth(k).map(|it| it.at) == Some(slot.first_at),
                "{job}: {slot:?} is not slot {k}"
            );
            ensure!(
                recurrence.kth(last).map(|it| it.at) == Some(slot.last_at),
                "{job}: {slot:?} ends not at {last}"
            );
            k = last + 1;
            let SlotOutcome::Fired(id) = slot.outcome else {
                continue;
            };
            let exec = execs::get(&mut conn, job, id).await?;
            let exec = exec.ok_or_else(|| anyhow::anyhow!("{slot:?} has no exec"))?;
            ensure!(
                exec.slot_at == Some(slot.first_at),
                "{exec:?} is not of {slot:?}"
            );
            ensure!(exec.trigger_mode == TriggerMode::Scheduled, "{exec:?}");
            fired.push(id);
        }
        ensure!(k == count, "{job}: {k} of {count} instants in the ledger");
        let mut gateway = self.gateway.connection().await?;
        let count = execs::count(&mut gateway, &ExecFilter::of(job)).await?;
        ensure!(
            usize::try_from(count.rows)? == fired.len(),
            "{job}: {count:?}, {fired:?}"
        );
        Ok(fired)
    }
}

/// Steps until there is nothing more to do at `now`.
pub(crate) async fn settle(replica: &mut Scheduler, now: DateTime<Utc>) -> Result<Vec<Requested>> {
    let mut requested = Vec::new();
    loop {
        let step = replica.step(now).await?;
        requested.extend(step.requested);
        if step.wake_at > now {
            return Ok(requested);
        }
    }
}

fn delta(seconds: f64) -> TimeDelta {
    let whole = Duration::from_secs_f64(seconds.abs());
    let delta = TimeDelta::from_std(whole).unwrap_or_default();
    if seconds < 0.0 { -delta } else { delta }
}
