//! Instants that wait for an earlier exec of their job: released, oldest first,
//! as soon as nothing stands in their way, and given up at their deadline.

use chrono::{DateTime, Utc};
use shared_types::{ExecId, JobId, Shards};
use store::schedules::Range;
use store::slots::{self, Fired, MissReason, Ready, Release, SlotOutcome};
use store::{PgConnection, StoreError};

/// Jobs looked at by one step.
const LIMIT: i64 = 500;

/// What a step did.
#[derive(Debug, Default)]
pub struct Released {
    /// New execs.
    pub fired: Vec<Fired>,
    /// Instants given up.
    pub settled: Vec<(JobId, Range)>,
    /// There may be more to do at once.
    pub is_partial: bool,
}

/// Takes the oldest waiting instant of each job whose turn has come.
pub async fn step(
    conn: &mut PgConnection,
    shards: Shards,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    let ready = slots::ready(conn, shards, now, LIMIT).await?;
    let (late, in_time): (Vec<Ready>, Vec<Ready>) =
        ready.into_iter().partition(|ready| ready.is_late);
    let mut released = Released {
        is_partial: !late.is_empty() || in_time.len() as u64 == LIMIT.unsigned_abs(),
        ..Released::default()
    };
    for ready in late {
        let outcome = SlotOutcome::Missed(MissReason::StartDeadline);
        if slots::close(conn, ready.job_id, &[ready.slot_at], outcome).await? > 0 {
            let range = Range {
                generation: ready.generation,
                first_at: ready.slot_at,
                last_at: ready.slot_at,
                count: 1,
                outcome,
            };
            released.settled.push((ready.job_id, range));
        }
    }
    if in_time.is_empty() {
        return Ok(released);
    }
    let wanted: Vec<Release> = in_time
        .into_iter()
        .map(|ready| Release {
            ready,
            exec_id: ExecId::new(),
        })
        .collect();
    released.fired = slots::release(conn, &wanted).await?;
    Ok(released)
}
