//! The schedules of the next seconds, in memory: when to wake and what to try.
//! The rows decide what is due.
//!
//! What is due waits in a line for each namespace, and the lines take turns, so
//! that thousands of instants of one do not hold up the single one of another.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use chrono::{DateTime, Utc};
use shared_types::{JobId, Shards};
use store::schedules::Upcoming;

/// Upcoming schedules, complete up to `covered_until`.
#[derive(Debug, Default)]
pub struct Timetable {
    schedules: HashMap<JobId, Upcoming>,
    /// Those that are not due yet.
    by_time: BTreeSet<(DateTime<Utc>, JobId)>,
    /// Those that are due, by namespace.
    lines: BTreeMap<String, VecDeque<JobId>>,
    /// The namespace that had its turn last.
    last_turn: String,
    covered_until: Option<DateTime<Utc>>,
}

impl Timetable {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Up to when every schedule is known; `None` if nothing was loaded yet.
    pub fn covered_until(&self) -> Option<DateTime<Utc>> {
        self.covered_until
    }

    /// Adds what the database has up to `covered_until`.
    pub fn load(&mut self, schedules: Vec<Upcoming>, covered_until: DateTime<Utc>) {
        self.covered_until = self.covered_until.max(Some(covered_until));
        for schedule in schedules {
            self.put(schedule);
        }
    }

    /// Adds a schedule, or puts it in place of what was known of it, unless a
    /// later load will bring it.
    pub fn put(&mut self, schedule: Upcoming) {
        self.remove(schedule.job_id);
        if Some(schedule.due_at) <= self.covered_until {
            self.by_time.insert((schedule.due_at, schedule.job_id));
            self.schedules.insert(schedule.job_id, schedule);
        }
    }

    /// Forgets a schedule.
    pub fn remove(&mut self, job: JobId) {
        let Some(known) = self.schedules.remove(&job) else {
            return;
        };
        if !self.by_time.remove(&(known.due_at, job))
            && let Some(line) = self.lines.get_mut(&known.namespace)
        {
            line.retain(|waiting| *waiting != job);
        }
    }

    /// Forgets the schedules of these shards.
    pub fn remove_shards(&mut self, shards: Shards) {
        let lost = self.schedules.keys().copied();
        let lost: Vec<JobId> = lost.filter(|job| shards.contains(*job)).collect();
        for job in lost {
            self.remove(job);
        }
    }

    /// Takes out up to `limit` schedules that are due: of each namespace in
    /// turn the one that is due longest.
    pub fn take_due(&mut self, now: DateTime<Utc>, limit: usize) -> Vec<Upcoming> {
        self.line_up(now);
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(namespace) = self.next_turn()
        {
            let Some(line) = self.lines.get_mut(&namespace) else {
                break;
            };
            due.extend(line.pop_front().and_then(|job| self.schedules.remove(&job)));
            if line.is_empty() {
                self.lines.remove(&namespace);
            }
            self.last_turn = namespace;
        }
        due
    }

    fn line_up(&mut self, now: DateTime<Utc>) {
        while let Some((due_at, job)) = self.by_time.first().copied()
            && due_at <= now
        {
            self.by_time.pop_first();
            if let Some(schedule) = self.schedules.get(&job) {
                let line = self.lines.entry(schedule.namespace.clone());
                line.or_default().push_back(job);
            }
        }
    }

    fn next_turn(&self) -> Option<String> {
        let after = (Bound::Excluded(&self.last_turn), Bound::Unbounded);
        let next = self.lines.range::<String, _>(after).next();
        let next = next.or_else(|| self.lines.iter().next());
        next.map(|(namespace, _)| namespace.clone())
    }

    /// When there is something to take out.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        if !self.lines.is_empty() {
            return Some(DateTime::UNIX_EPOCH);
        }
        self.by_time.first().map(|(due_at, _)| *due_at)
    }

    /// How many schedules are held.
    pub fn len(&self) -> usize {
        self.schedules.len()
    }

    /// How many of them are due and were not taken out yet.
    pub fn due(&self) -> usize {
        self.schedules.len() - self.by_time.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use shared_types::ScheduleRules;

    use super::*;

    fn upcoming(second: i64, job: i64, namespace: &str) -> Upcoming {
        Upcoming {
            job_id: JobId(job),
            namespace: namespace.to_owned(),
            due_at: second_at(second),
            next_at: second_at(second),
            generation: 1,
            mode: String::new(),
            rules: ScheduleRules::default(),
            anchor: second_at(0),
        }
    }

    fn second_at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn take(timetable: &mut Timetable, second: i64, limit: usize) -> Vec<i64> {
        let due = timetable.take_due(second_at(second), limit);
        due.into_iter().map(|schedule| schedule.job_id.0).collect()
    }

    #[test]
    fn due_schedules_leave_in_order_and_in_parts() {
        let mut timetable = Timetable::default();
        let loaded = [(3, 1), (1, 2), (2, 3)].map(|(second, job)| upcoming(second, job, "a"));
        timetable.load(loaded.into(), second_at(10));
        timetable.put(upcoming(1, 4, "a"));
        timetable.put(upcoming(11, 5, "a"));
        assert_eq!(timetable.len(), 4);
        assert!(take(&mut timetable, 0, 9).is_empty());
        assert_eq!(take(&mut timetable, 2, 2), [2, 4]);
        assert_eq!(take(&mut timetable, 2, 2), [3]);
        assert_eq!(timetable.next_at(), Some(second_at(3)));
    }

    #[test]
    fn namespaces_take_turns() {
        let mut timetable = Timetable::default();
        let mut loaded: Vec<_> = (0..1000).map(|job| upcoming(1, job, "many")).collect();
        loaded.extend([upcoming(1, 5000, "few"), upcoming(1, 6000, "other")]);
        timetable.load(loaded, second_at(10));
        assert_eq!(take(&mut timetable, 1, 5), [5000, 0, 6000, 1, 2]);
        timetable.put(upcoming(1, 5001, "few"));
        assert_eq!(take(&mut timetable, 1, 3), [5001, 3, 4]);
    }

    #[test]
    fn what_is_known_anew_takes_the_old_ones_place() {
        let mut timetable = Timetable::default();
        timetable.load(
            vec![upcoming(1, 1, "a"), upcoming(1, 2, "a")],
            second_at(10),
        );
        assert_eq!(take(&mut timetable, 1, 1), [1]);
        // The second waits in line when it is edited.
        timetable.put(upcoming(5, 2, "a"));
        assert!(take(&mut timetable, 1, 1).is_empty());
        timetable.remove_shards([2].into_iter().collect());
        assert!(timetable.is_empty() && timetable.next_at().is_none());
    }
}
