//! What a scheduler knows: read from the rows, and planned there where they are new.

use std::time::Instant;

use chrono::{DateTime, Utc};
use shared_types::JobId;
use store::schedules::{self, Plan, Wanted};
use store::{PgConnection, StoreError};

use super::{LOAD_LIMIT, PLAN_LIMIT, RELOAD, Scheduler};
use crate::plan::plan;
use crate::{clock, report};

impl Scheduler {
    /// Reads on to the horizon, or everything up to it.
    pub(super) async fn load(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        report::clock_offset(clock::offset(conn).await?, &mut self.clock_offset);
        self.held.retain(|_, until| *until > now);
        self.misses.forget(Instant::now());
        if self.agenda.reload <= now {
            self.timetable.clear();
            self.agenda.reload = now + RELOAD;
        }
        let horizon = now + self.horizon;
        let known = self.timetable.covered_until();
        let wanted = Wanted::Due(self.shards, known, horizon, LOAD_LIMIT);
        let mut upcoming = schedules::upcoming(conn, wanted).await?;
        self.is_cut_off = i64::try_from(upcoming.len()).is_ok_and(|loaded| loaded >= LOAD_LIMIT);
        let last = upcoming.last().filter(|_| self.is_cut_off);
        let covered_until = last.map_or(horizon, |last| last.due_at);
        upcoming.retain(|upcoming| !self.held.contains_key(&upcoming.job_id));
        self.timetable.load(upcoming, covered_until);
        self.has_queue = schedules::has_queue(conn, self.shards).await?;
        if self.has_queue {
            self.agenda.queue = now;
        }
        self.agenda.load = now + self.sweep;
        Ok(())
    }

    pub(super) async fn plan_edited(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let edited = schedules::changed(conn, self.shards, PLAN_LIMIT).await?;
        let plans: Vec<Plan> = edited
            .iter()
            .map(|(schedule, earlier)| plan(schedule, earlier))
            .collect();
        if !plans.is_empty() {
            let applied = schedules::plan(conn, &plans).await?;
            for plan in plans.iter().filter(|plan| applied.contains(&plan.job_id)) {
                report::plan(plan, &mut self.misses);
                self.held.remove(&plan.job_id);
            }
            self.read(conn, &applied).await?;
        }
        let is_all = i64::try_from(edited.len()).is_ok_and(|planned| planned < PLAN_LIMIT);
        self.agenda.plan = if is_all { now + self.sweep } else { now };
        Ok(())
    }

    /// Takes what the rows say of these schedules in place of what was known.
    pub(super) async fn read(
        &mut self,
        conn: &mut PgConnection,
        jobs: &[JobId],
    ) -> Result<(), StoreError> {
        for job in jobs {
            self.timetable.remove(*job);
        }
        for schedule in schedules::upcoming(conn, Wanted::Jobs(jobs)).await? {
            if self.shards.contains(schedule.job_id) {
                self.timetable.put(schedule);
            }
        }
        Ok(())
    }
}
