//! What a scheduler does in a step: fire what is due, learn what came of it, and
//! release what waited.

use chrono::{DateTime, Utc};
use store::schedules::Upcoming;
use store::{PgConnection, StoreError};

use super::{HOLD, Requested, Scheduler, Step};
use crate::batch::{self, Batch};
use crate::{backfill, queue, report};

impl Scheduler {
    /// Fires these schedules together; if the database refuses, one by one, so
    /// that a bad row holds up only itself.
    pub(super) async fn fire(
        &mut self,
        conn: &mut PgConnection,
        due: Vec<Upcoming>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Batch>, StoreError> {
        if due.is_empty() {
            return Ok(Vec::new());
        }
        match batch::fire(conn, due.clone(), now).await {
            Ok(batch) => return Ok(vec![batch]),
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => report::refused(due.len(), &error),
        }
        let mut batches = Vec::new();
        for schedule in due {
            let job = schedule.job_id;
            match batch::fire(conn, vec![schedule], now).await {
                Ok(batch) => batches.push(batch),
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    report::held(job, &error);
                    self.held.insert(job, now + HOLD);
                }
            }
        }
        Ok(batches)
    }

    pub(super) async fn learn(
        &mut self,
        conn: &mut PgConnection,
        batch: Batch,
        now: DateTime<Utc>,
        step: &mut Step,
    ) -> Result<(), StoreError> {
        let is_waiting = |outcome: store::slots::SlotOutcome| outcome.lane().is_some();
        if batch
            .settled
            .iter()
            .any(|(_, range)| is_waiting(range.outcome))
        {
            (self.has_queue, self.agenda.queue) = (true, DateTime::UNIX_EPOCH);
        }
        for schedule in batch.upcoming {
            self.timetable.put(schedule);
        }
        if !batch.superseded.is_empty() {
            self.read(conn, &batch.superseded).await?;
        }
        step.cancelled.extend(batch.cancelled);
        for (job, error) in batch.refused {
            report::held(job, &error);
            self.held.insert(job, now + HOLD);
        }
        let made = batch.fired.into_iter();
        step.requested
            .extend(made.map(|(fired, due_at)| Requested::new(fired, due_at)));
        Ok(())
    }

    /// Gives execs to instants that waited, and to those of backfills.
    pub(super) async fn release(
        &mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        step: &mut Step,
    ) -> Result<(), StoreError> {
        if self.agenda.queue <= now {
            let released = queue::step(conn, self.shards, now).await?;
            report::released(&released, &mut self.misses);
            let made = released
                .fired
                .into_iter()
                .map(|fired| Requested::new(fired, None));
            step.requested.extend(made);
            self.agenda.queue = if released.is_partial {
                now
            } else {
                now + self.sweep
            };
        }
        if self.agenda.backfill <= now {
            let filled = backfill::step(conn, self.shards, now).await?;
            report::filled(&filled);
            let made = filled
                .fired
                .into_iter()
                .map(|fired| Requested::new(fired, None));
            step.requested.extend(made);
            let sweep = now + self.sweep;
            self.agenda.backfill = filled.due_at.map_or(sweep, |due_at| due_at.min(sweep));
        }
        Ok(())
    }
}
