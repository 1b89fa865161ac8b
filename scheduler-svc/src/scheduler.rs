//! One replica's scheduler: [`Scheduler::step`] plans what was edited and fires
//! what is due. Its memory is a convenience; every decision is made on locked
//! rows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ExecId, JobId};
use store::schedules::{self, Planned, Upcoming};
use store::{PgConnection, Store, StoreError};

use crate::batch::{self, Batch};
use crate::clock;
use crate::config::SchedulerConfig;
use crate::plan::plan;
use crate::report;
use crate::timetable::Timetable;

/// Edited schedules planned by one step.
const PLAN_LIMIT: i64 = 1_000;
/// Instants held in memory; the next load brings the rest.
const LOAD_LIMIT: i64 = 100_000;
/// How long edits are gathered after a hint, so that a burst of hints costs
/// one look.
const HINT_DELAY: TimeDelta = TimeDelta::milliseconds(20);
/// How long a schedule is left alone after the database refused its firing.
const HOLD: TimeDelta = TimeDelta::seconds(30);

/// How long a step may take, so that a database that is there and does not
/// answer cannot end the firing. The sweeps find what a step committed at the
/// last moment and did not announce.
const STEP_LIMIT: Duration = Duration::from_secs(30);

/// Fires planned instants; see the module.
#[derive(Debug)]
pub struct Scheduler {
    store: Store,
    batch: usize,
    sweep: TimeDelta,
    horizon: TimeDelta,
    timetable: Timetable,
    plan_at: DateTime<Utc>,
    load_at: DateTime<Utc>,
    /// More was due to be loaded than [`LOAD_LIMIT`].
    is_cut_off: bool,
    held: HashMap<JobId, DateTime<Utc>>,
    clock_offset: Option<TimeDelta>,
}

/// What a step did and when the next one is worth its while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Committed execs, to be announced.
    pub requested: Vec<Requested>,
    /// When there is something to do again, by the clock of `now`.
    pub wake_at: DateTime<Utc>,
}

/// An exec that waits for its region's executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The region.
    pub region: String,
    /// The exec.
    pub exec_id: ExecId,
}

impl Scheduler {
    /// A scheduler that knows nothing yet; its first step loads.
    pub fn new(store: Store, config: &SchedulerConfig) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            store,
            batch: config.batch,
            sweep: delta(config.sweep),
            horizon: delta(config.horizon),
            timetable: Timetable::default(),
            plan_at: DateTime::UNIX_EPOCH,
            load_at: DateTime::UNIX_EPOCH,
            is_cut_off: false,
            held: HashMap::new(),
            clock_offset: None,
        }
    }

    /// Somebody edited a schedule: look soon.
    pub fn hint(&mut self, now: DateTime<Utc>) {
        self.plan_at = self.plan_at.min(now + HINT_DELAY);
    }

    /// Plans and loads if it is time to, then fires one batch of what is due at
    /// `now`. After an error everything is loaded again.
    pub async fn step(&mut self, now: DateTime<Utc>) -> Result<Step, StoreError> {
        let step = tokio::time::timeout(STEP_LIMIT, self.try_step(now));
        let result = step
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(Box::new(late))));
        if result.is_err() {
            (self.plan_at, self.load_at) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        }
        result
    }

    async fn try_step(&mut self, now: DateTime<Utc>) -> Result<Step, StoreError> {
        let started = Instant::now();
        let (load, plan) = (
            self.is_time(self.load_at, now),
            self.is_time(self.plan_at, now),
        );
        if !load && !plan && self.timetable.next_at().is_none_or(|at| at > now) {
            return Ok(self.wait(Vec::new()));
        }
        let mut conn = self.store.connection().await?;
        if load {
            self.load(&mut conn, now).await?;
        }
        if plan {
            self.plan_edited(&mut conn, now).await?;
        }
        let due = self.timetable.take_due(now, self.batch);
        let mut requested = Vec::new();
        for batch in self.fire(&mut conn, &due, now).await? {
            let elapsed = TimeDelta::from_std(started.elapsed()).unwrap_or(TimeDelta::MAX);
            report::batch(&batch, now + elapsed);
            requested.extend(self.learn(batch));
        }
        if self.timetable.is_empty() && self.is_cut_off {
            self.load_at = now;
        }
        report::upcoming(self.timetable.len());
        Ok(self.wait(requested))
    }

    /// Both times are set at most a sweep ahead, so one that is further away
    /// tells of a clock that was set back.
    fn is_time(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        at <= now || at > now + self.sweep
    }

    fn wait(&self, requested: Vec<Requested>) -> Step {
        let sweep = self.load_at.min(self.plan_at);
        let wake_at = self.timetable.next_at().map_or(sweep, |at| at.min(sweep));
        Step { requested, wake_at }
    }

    async fn load(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        report::clock_offset(clock::offset(conn).await?, &mut self.clock_offset);
        let horizon = now + self.horizon;
        let mut upcoming = schedules::upcoming(conn, horizon, LOAD_LIMIT).await?;
        self.is_cut_off = i64::try_from(upcoming.len()).is_ok_and(|loaded| loaded >= LOAD_LIMIT);
        let last = upcoming.last().filter(|_| self.is_cut_off);
        let covered_until = last.map_or(horizon, |last| last.at);
        self.held.retain(|_, until| *until > now);
        upcoming.retain(|upcoming| !self.held.contains_key(&upcoming.job_id));
        self.timetable.replace(upcoming, covered_until);
        self.load_at = now + self.sweep;
        Ok(())
    }

    async fn plan_edited(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let edited = schedules::changed(conn, PLAN_LIMIT).await?;
        for schedule in &edited {
            let plan = plan(schedule);
            let applied = schedules::plan(conn, &plan).await? == Planned::Applied;
            if applied {
                report::plan(&plan);
                self.held.remove(&plan.job_id);
            }
            if let (true, Some(at)) = (applied, plan.next_at) {
                self.timetable.put(Upcoming {
                    at,
                    job_id: plan.job_id,
                });
            }
        }
        let is_all = i64::try_from(edited.len()).is_ok_and(|planned| planned < PLAN_LIMIT);
        self.plan_at = if is_all { now + self.sweep } else { now };
        Ok(())
    }

    /// Fires these jobs' schedules together; if the database refuses, one by
    /// one, so that a bad row holds up only itself.
    async fn fire(
        &mut self,
        conn: &mut PgConnection,
        due: &[JobId],
        now: DateTime<Utc>,
    ) -> Result<Vec<Batch>, StoreError> {
        if due.is_empty() {
            return Ok(Vec::new());
        }
        match batch::fire(conn, due, now).await {
            Ok(batch) => return Ok(vec![batch]),
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => report::refused(due.len(), &error),
        }
        let mut batches = Vec::new();
        for job in due {
            match batch::fire(conn, std::slice::from_ref(job), now).await {
                Ok(batch) => batches.push(batch),
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    report::held(*job, &error);
                    self.held.insert(*job, now + HOLD);
                }
            }
        }
        Ok(batches)
    }

    fn learn(&mut self, batch: Batch) -> impl Iterator<Item = Requested> + use<> {
        for upcoming in batch.upcoming {
            self.timetable.put(upcoming);
        }
        batch.execs.into_iter().map(|exec| Requested {
            region: exec.region,
            exec_id: exec.id,
        })
    }
}
