//! One replica's scheduler: [`Scheduler::step`] plans what was edited, fires
//! what is due, releases what waited and goes on with backfills. Its memory is a
//! convenience; every decision is made on rows.

mod memory;
mod work;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ExecId, JobId, Shards};
use store::execs::Cancelled;
use store::slots::Fired;
use store::{PgConnection, Store, StoreError};

use crate::config::SchedulerConfig;
use crate::report::{self, Misses};
use crate::timetable::Timetable;

/// Edited schedules planned by one step.
const PLAN_LIMIT: i64 = 1_000;
/// Schedules held in memory; the next load brings the rest.
const LOAD_LIMIT: i64 = 100_000;
/// How often everything within the horizon is read again, in case that what is
/// in memory is not what is in the rows: a replica that had a shard before may have
/// planned one more of its schedules. Soon enough for that one to be on time.
const RELOAD: TimeDelta = TimeDelta::seconds(8);
/// How long edits and ended execs are gathered after a hint, so that a burst of
/// hints costs one look.
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
    shards: Shards,
    timetable: Timetable,
    agenda: Agenda,
    /// More was due to be loaded than [`LOAD_LIMIT`].
    is_cut_off: bool,
    /// Instants wait for an exec to end.
    has_queue: bool,
    held: HashMap<JobId, DateTime<Utc>>,
    clock_offset: Option<TimeDelta>,
    misses: Misses,
}

/// When each part of a step is due again.
#[derive(Debug, Clone, Copy)]
struct Agenda {
    plan: DateTime<Utc>,
    load: DateTime<Utc>,
    reload: DateTime<Utc>,
    queue: DateTime<Utc>,
    backfill: DateTime<Utc>,
}

impl Agenda {
    /// Everything at once.
    const NOW: Self = Self {
        plan: DateTime::UNIX_EPOCH,
        load: DateTime::UNIX_EPOCH,
        reload: DateTime::UNIX_EPOCH,
        queue: DateTime::UNIX_EPOCH,
        backfill: DateTime::UNIX_EPOCH,
    };

    fn first(&self) -> DateTime<Utc> {
        // A reload is part of a load.
        self.plan.min(self.load).min(self.queue).min(self.backfill)
    }
}

/// What a step did and when the next one is worth its while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Committed execs, to be announced.
    pub requested: Vec<Requested>,
    /// Execs whose end was asked for, to be announced.
    pub cancelled: Vec<Cancelled>,
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
    /// When it was to start, if it was to start on time.
    pub due_at: Option<DateTime<Utc>>,
}

impl Scheduler {
    /// A scheduler that knows nothing yet and has nothing to do: see
    /// [`Self::assign`].
    pub fn new(store: Store, config: &SchedulerConfig) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            store,
            batch: config.batch,
            sweep: delta(config.sweep),
            horizon: delta(config.horizon),
            shards: Shards::default(),
            timetable: Timetable::default(),
            agenda: Agenda::NOW,
            is_cut_off: false,
            has_queue: false,
            held: HashMap::new(),
            clock_offset: None,
            misses: Misses::default(),
        }
    }

    /// These shards are this replica's now.
    pub fn assign(&mut self, shards: Shards) {
        let lost = self.shards.without(shards);
        if !lost.is_empty() {
            self.timetable.remove_shards(lost);
        }
        if !shards.without(self.shards).is_empty() {
            self.agenda = Agenda::NOW;
        }
        self.shards = shards;
    }

    /// Somebody edited a schedule: look soon, if it is one of ours.
    pub fn schedule_changed(&mut self, job: JobId, now: DateTime<Utc>) {
        if self.shards.contains(job) {
            self.agenda.plan = self.agenda.plan.min(now + HINT_DELAY);
        }
    }

    /// An exec moved on: an instant may have waited for its end.
    pub fn exec_changed(&mut self, now: DateTime<Utc>) {
        if self.has_queue {
            self.agenda.queue = self.agenda.queue.min(now + HINT_DELAY);
        }
    }

    /// The clock was set: what was known of the time is void.
    pub fn clock_stepped(&mut self, by: TimeDelta) {
        report::clock_step(by);
        self.agenda = Agenda::NOW;
    }

    /// Does whatever it is time for, and fires one batch of what is due at
    /// `now`. After an error everything is loaded again.
    pub async fn step(&mut self, now: DateTime<Utc>) -> Result<Step, StoreError> {
        let step = tokio::time::timeout(STEP_LIMIT, self.try_step(now));
        let result = step
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(Box::new(late))));
        if result.is_err() {
            self.agenda = Agenda::NOW;
        }
        result
    }

    async fn try_step(&mut self, now: DateTime<Utc>) -> Result<Step, StoreError> {
        let started = Instant::now();
        let mut step = Step {
            requested: Vec::new(),
            cancelled: Vec::new(),
            wake_at: now,
        };
        // All of it was set a sweep ahead at most, so the clock was set back.
        if self.agenda.first() > now + self.sweep {
            self.agenda = Agenda::NOW;
        }
        if !self.shards.is_empty() && self.wake_at() <= now {
            let mut conn = self.store.connection().await?;
            self.prepare(&mut conn, now).await?;
            let due = self.timetable.take_due(now, self.batch);
            for batch in self.fire(&mut conn, due, now).await? {
                let elapsed = TimeDelta::from_std(started.elapsed()).unwrap_or(TimeDelta::MAX);
                report::batch(&batch, now + elapsed, &mut self.misses);
                self.learn(&mut conn, batch, now, &mut step).await?;
            }
            self.release(&mut conn, now, &mut step).await?;
            if self.timetable.is_empty() && self.is_cut_off {
                self.agenda.load = now;
            }
            report::upcoming(self.timetable.len(), self.timetable.due());
        }
        step.wake_at = if self.shards.is_empty() {
            now + self.sweep
        } else {
            self.wake_at()
        };
        Ok(step)
    }

    fn wake_at(&self) -> DateTime<Utc> {
        let agenda = self.agenda.first();
        self.timetable.next_at().map_or(agenda, |at| at.min(agenda))
    }

    async fn prepare(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.agenda.load <= now {
            self.load(conn, now).await?;
        }
        if self.agenda.plan <= now {
            self.plan_edited(conn, now).await?;
        }
        Ok(())
    }
}

impl Requested {
    fn new(fired: Fired, due_at: Option<DateTime<Utc>>) -> Self {
        Self {
            region: fired.region,
            exec_id: fired.exec_id,
            due_at,
        }
    }
}
