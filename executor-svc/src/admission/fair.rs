//! Who of those that wait may begin. Pure: the queue, who holds a place and the
//! deployment's bounds go in; who is admitted and what holds the others back comes out.
//!
//! A place goes to the namespace that holds the fewest for its weight, there to the
//! oldest exec that is not held back, and to the low lanes only when no normal lane
//! can use it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ExecId, JobId, Lane};
use store::admission::{HeldBy, Queue, Queued, Running};

use crate::config::{AdmissionConfig, NamespaceShare};

/// What an admission rests on.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// The deployment's bounds.
    pub config: &'a AdmissionConfig,
    /// Who holds a place.
    pub running: Running,
    /// How the queues were left.
    pub queues: HashMap<String, Queue>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Who may begin, and how that leaves the queues.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Admitted {
    /// These, in this order.
    pub execs: Vec<ExecId>,
    /// The queues that are not as they were left.
    pub changed: Vec<(String, Queue)>,
    /// When a start rate lets the next one begin, if one holds any back.
    pub again_at: Option<DateTime<Utc>>,
}

/// Decides about the first of each namespace's queue, which are in their order.
#[must_use]
pub(super) fn admit(queued: &[Queued], standing: Standing<'_>) -> Admitted {
    let mut round = Round::new(queued, standing);
    let mut execs = Vec::new();
    for lane in [Lane::Normal, Lane::Low] {
        while let Some(next) = round.next(lane) {
            execs.push(next);
        }
    }
    round.close(execs)
}

/// One namespace in a round.
struct Tenant<'a> {
    share: &'a NamespaceShare,
    running: usize,
    paced_until: Option<DateTime<Utc>>,
    /// Who still waits, the next one last.
    waiting: Vec<&'a Queued>,
}

struct Round<'a> {
    /// Places that the region has left.
    free: usize,
    config: &'a AdmissionConfig,
    jobs: HashMap<JobId, (usize, usize)>,
    queues: HashMap<String, Queue>,
    tenants: BTreeMap<&'a str, Tenant<'a>>,
    now: DateTime<Utc>,
}

impl<'a> Round<'a> {
    fn new(queued: &'a [Queued], standing: Standing<'a>) -> Self {
        let Standing {
            config,
            running,
            queues,
            now,
        } = standing;
        let mut tenants: BTreeMap<&str, Tenant<'_>> = BTreeMap::new();
        for exec in queued.iter().rev() {
            let namespace = exec.namespace.as_str();
            let tenant = tenants.entry(namespace).or_insert_with(|| Tenant {
                share: config.share(namespace),
                running: running.namespaces.get(namespace).copied().unwrap_or(0),
                paced_until: queues.get(namespace).and_then(|queue| queue.paced_until),
                waiting: Vec::new(),
            });
            tenant.waiting.push(exec);
        }
        Self {
            free: config.max_running.saturating_sub(running.total()),
            config,
            jobs: running.jobs,
            queues,
            tenants,
            now,
        }
    }

    /// Gives a place of the region to the next exec of a lane.
    fn next(&mut self, lane: Lane) -> Option<ExecId> {
        if self.free == 0 {
            return None;
        }
        let (now, jobs) = (self.now, &self.jobs);
        let able = self.tenants.values_mut().filter_map(|tenant| {
            let place = tenant.first(lane, jobs)?;
            tenant.held(now).is_none().then_some((tenant, place))
        });
        let (tenant, place) = able.min_by(|a, b| a.0.order(b.0, (a.1, b.1)))?;
        let exec = tenant.take(place, now);
        self.free -= 1;
        if let Some(limit) = exec.max_running {
            self.jobs.entry(exec.job_id).or_insert((0, limit)).0 += 1;
        }
        Some(exec.id)
    }

    fn close(self, execs: Vec<ExecId>) -> Admitted {
        let mut admitted = Admitted {
            execs,
            ..Admitted::default()
        };
        for (namespace, tenant) in self.tenants {
            let waits = tenant
                .waiting
                .iter()
                .any(|exec| has_place(exec, &self.jobs));
            let held = match tenant.held(self.now) {
                _ if !waits => None,
                Some((HeldBy::StartRate, bound)) => {
                    let next = tenant.next_start();
                    admitted.again_at = admitted.again_at.into_iter().chain(next).min();
                    Some((HeldBy::StartRate, bound))
                }
                Some(held) => Some(held),
                None => (self.free == 0).then_some((HeldBy::Region, self.config.max_running)),
            };
            let left = Queue {
                held,
                paced_until: tenant.paced_until,
            };
            if self.queues.get(namespace).cloned().unwrap_or_default() != left {
                admitted.changed.push((namespace.to_owned(), left));
            }
        }
        admitted
    }
}

impl<'a> Tenant<'a> {
    /// What of its own holds it back now.
    fn held(&self, now: DateTime<Utc>) -> Option<(HeldBy, usize)> {
        if let Some(limit) = self
            .share
            .max_running
            .filter(|limit| self.running >= *limit)
        {
            return Some((HeldBy::Namespace, limit));
        }
        let rate = self.share.starts_per_minute?;
        let waits = self.next_start().is_some_and(|at| at > now);
        waits.then_some((HeldBy::StartRate, rate.try_into().unwrap_or(usize::MAX)))
    }

    /// Where its next exec of a lane stands whose job has a place.
    fn first(&self, lane: Lane, jobs: &HashMap<JobId, (usize, usize)>) -> Option<usize> {
        self.waiting
            .iter()
            .rposition(|exec| exec.lane == lane && has_place(exec, jobs))
    }

    /// Who of two comes first: who would hold the fewer for its weight, then the older.
    fn order(&self, other: &Self, (place, other_place): (usize, usize)) -> Ordering {
        let share = |tenant: &Self, weight: u32| {
            let held = u64::try_from(tenant.running).unwrap_or(u64::MAX);
            held.saturating_add(1).saturating_mul(u64::from(weight))
        };
        let own = share(self, other.share.weight);
        let others = share(other, self.share.weight);
        let age = |tenant: &Self, place: usize| tenant.waiting.get(place).map(|exec| exec.id);
        own.cmp(&others)
            .then_with(|| age(self, place).cmp(&age(other, other_place)))
    }

    fn take(&mut self, place: usize, now: DateTime<Utc>) -> &'a Queued {
        self.running += 1;
        if let Some(pace) = self.share.pace() {
            self.paced_until = Some(self.paced_until.unwrap_or(now).max(now) + pace.every);
        }
        self.waiting.remove(place)
    }

    /// When its start rate lets the next one begin (the generic cell rate algorithm: every
    /// start reaches a step further, and may begin a burst's steps early).
    fn next_start(&self) -> Option<DateTime<Utc>> {
        let pace = self.share.pace()?;
        Some(self.paced_until? - pace.early)
    }
}

fn has_place(exec: &Queued, jobs: &HashMap<JobId, (usize, usize)>) -> bool {
    let running = jobs.get(&exec.job_id).map_or(0, |(running, _)| *running);
    exec.max_running.is_none_or(|limit| running < limit)
}

/// A start rate as the steps of starts.
struct Pace {
    every: TimeDelta,
    /// How much sooner than its step a start may be.
    early: TimeDelta,
}

impl NamespaceShare {
    fn pace(&self) -> Option<Pace> {
        let rate = i32::try_from(self.starts_per_minute?)
            .unwrap_or(i32::MAX)
            .max(1);
        let every = TimeDelta::minutes(1) / rate;
        // What a namespace may start at once: the starts of ten seconds.
        let burst = (rate / 6).max(1);
        Some(Pace {
            every,
            early: every * (burst - 1),
        })
    }
}

#[cfg(test)]
mod tests;
