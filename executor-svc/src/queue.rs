//! Who is to be looked after next: each exec stands in the queue once, however
//! many events and sweeps ask for it, and is worked on by one at a time.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use shared_types::ExecId;
use tokio::sync::Notify;

/// A queue of execs. Clones are the same queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    order: VecDeque<ExecId>,
    /// Asked for and not begun. An exec that is being worked on stands here
    /// too if it was asked for again, but gets its place when that is done.
    asked: HashSet<ExecId>,
    /// To be asked for when their instant comes.
    later: BTreeSet<(DateTime<Utc>, ExecId)>,
    working: HashSet<ExecId>,
    closed: bool,
}

impl State {
    /// Whether the exec has got a place now.
    fn ask(&mut self, exec: ExecId) -> bool {
        if self.closed {
            return false;
        }
        let placed = self.asked.insert(exec) && !self.working.contains(&exec);
        if placed {
            self.order.push_back(exec);
        }
        placed
    }

    fn pop_due(&mut self) -> Option<(DateTime<Utc>, ExecId)> {
        let (at, _) = self.later.first()?;
        if *at > Utc::now() {
            return None;
        }
        self.later.pop_first()
    }
}

/// An exec in work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) exec: ExecId,
    queue: Queue,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.finished(self.exec);
    }
}

impl Queue {
    /// Asks for an exec.
    pub(crate) fn submit(&self, exec: ExecId) {
        if self.lock().ask(exec) {
            self.changed.notify_one();
        }
    }

    /// Asks for an exec once this instant has come. It is remembered until then, so it
    /// should be near.
    pub(crate) fn submit_at(&self, exec: ExecId, at: DateTime<Utc>) {
        let mut state = self.lock();
        if !state.closed && state.later.insert((at, exec)) {
            self.changed.notify_one();
        }
    }

    /// The next exec to work on.
    pub(crate) async fn next(&self) -> Ticket {
        loop {
            let changed = self.changed.notified();
            if let Some(exec) = self.begin() {
                return Ticket {
                    exec,
                    queue: self.clone(),
                };
            }
            let next = self.lock().later.first().map(|(at, _)| *at);
            let Some(at) = next else {
                changed.await;
                continue;
            };
            let pause = (at - Utc::now()).to_std().unwrap_or_default();
            // Either way something is to be looked for.
            let _ = tokio::time::timeout(pause, changed).await;
        }
    }

    /// Takes nobody any more, and forgets who waits. What is in work is finished.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.order.clear();
        state.asked.clear();
        state.later.clear();
    }

    /// How many wait.
    pub(crate) fn depth(&self) -> usize {
        self.lock().asked.len()
    }

    fn begin(&self) -> Option<ExecId> {
        let mut state = self.lock();
        while let Some((_, exec)) = state.pop_due() {
            state.ask(exec);
        }
        let exec = state.order.pop_front()?;
        state.asked.remove(&exec);
        state.working.insert(exec);
        Some(exec)
    }

    fn finished(&self, exec: ExecId) {
        let mut state = self.lock();
        state.working.remove(&exec);
        if state.asked.contains(&exec) {
            state.order.push_back(exec);
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures::FutureExt;

    use super::*;

    fn begin(queue: &Queue) -> Option<Ticket> {
        queue.next().now_or_never()
    }

    #[test]
    fn an_exec_stands_in_the_queue_once() {
        let (queue, a, b) = (Queue::default(), ExecId::new(), ExecId::new());
        for exec in [a, b, a] {
            queue.submit(exec);
        }
        let first = begin(&queue).unwrap();
        let second = begin(&queue).unwrap();
        assert_eq!((first.exec, second.exec), (a, b));
        assert!(begin(&queue).is_none());
    }

    #[test]
    fn an_exec_in_work_is_begun_again_only_afterwards() {
        let (queue, exec) = (Queue::default(), ExecId::new());
        queue.submit(exec);
        let job = begin(&queue).unwrap();
        queue.submit(exec);
        queue.submit(exec);
        assert!(begin(&queue).is_none());
        drop(job);
        let again = begin(&queue).unwrap();
        assert_eq!(again.exec, exec);
        drop(again);
        assert_eq!((begin(&queue).is_none(), queue.depth()), (true, 0));
    }

    #[tokio::test]
    async fn an_exec_comes_at_its_instant_and_not_before_others_that_are_asked_for() {
        let (queue, [soon, late, now]) = (Queue::default(), [(); 3].map(|()| ExecId::new()));
        let at = |milliseconds| Utc::now() + TimeDelta::milliseconds(milliseconds);
        queue.submit_at(late, at(60_000));
        let due = at(30);
        queue.submit_at(soon, due);
        queue.submit_at(soon, due);
        queue.submit(now);
        assert_eq!(begin(&queue).unwrap().exec, now);
        assert_eq!(queue.next().await.exec, soon);
        assert!(Utc::now() >= due);
        assert!(begin(&queue).is_none());
        // What is nearer comes first, also for who waits already.
        let waits = queue.next();
        let asks = async { queue.submit_at(soon, at(5)) };
        assert_eq!(futures::future::join(waits, asks).await.0.exec, soon);
    }

    #[test]
    fn a_closed_queue_takes_nobody() {
        let (queue, [a, b, c]) = (Queue::default(), [(); 3].map(|()| ExecId::new()));
        queue.submit(a);
        let job = begin(&queue).unwrap();
        queue.submit(a);
        queue.submit(b);
        queue.close();
        queue.submit(c);
        queue.submit_at(c, Utc::now());
        drop(job);
        assert_eq!((begin(&queue).is_none(), queue.depth()), (true, 0));
    }
}
