//! The instants of the next seconds, in memory: only to know when to wake. The
//! rows decide what is due.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use shared_types::JobId;
use store::schedules::Upcoming;

/// Upcoming instants in order of time, complete up to `covered_until`.
#[derive(Debug, Default)]
pub struct Timetable {
    instants: BTreeSet<Upcoming>,
    covered_until: DateTime<Utc>,
}

impl Timetable {
    /// Takes what the database says in place of what was known.
    pub fn replace(&mut self, instants: Vec<Upcoming>, covered_until: DateTime<Utc>) {
        self.instants = instants.into_iter().collect();
        self.covered_until = covered_until;
    }

    /// Adds an instant, unless a later load will bring it.
    pub fn put(&mut self, upcoming: Upcoming) {
        if upcoming.at <= self.covered_until {
            self.instants.insert(upcoming);
        }
    }

    /// Takes out up to `limit` jobs that are due, the longest overdue first.
    pub fn take_due(&mut self, now: DateTime<Utc>, limit: usize) -> Vec<JobId> {
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(first) = self.instants.first().copied()
            && first.at <= now
        {
            self.instants.remove(&first);
            due.push(first.job_id);
        }
        due
    }

    /// When the next instant comes.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        self.instants.first().map(|first| first.at)
    }

    /// How many instants are held.
    pub fn len(&self) -> usize {
        self.instants.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.instants.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upcoming(second: i64, job: i64) -> Upcoming {
        Upcoming {
            at: second_at(second),
            job_id: JobId(job),
        }
    }

    fn second_at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn due_jobs_leave_in_order_and_in_parts() {
        let mut timetable = Timetable::default();
        timetable.replace(
            vec![upcoming(3, 1), upcoming(1, 2), upcoming(2, 3)],
            second_at(10),
        );
        timetable.put(upcoming(1, 4));
        timetable.put(upcoming(11, 5));
        assert_eq!(timetable.len(), 4);
        assert_eq!(timetable.take_due(second_at(0), 9), []);
        assert_eq!(timetable.take_due(second_at(2), 2), [JobId(2), JobId(4)]);
        assert_eq!(timetable.take_due(second_at(2), 2), [JobId(3)]);
        assert_eq!(timetable.next_at(), Some(second_at(3)));
    }
}
