//! How fast the API server is asked for work of one kind: as fast as it goes, until it says
//! that it is too busy (429). Then execs wait here, in the order they came, and are called by
//! one for each token: fewer tokens after each such answer, more after each success. Who waits
//! holds no place of the workers, so one kind of work does not keep another from going on.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_types::ExecId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;

/// Tokens a second after the first refusal.
const FIRST: f64 = 20.0;
/// Never fewer, so that it is noticed when the server has time again.
const SLOWEST: f64 = 0.5;
/// From here on nothing is counted out.
const FASTEST: f64 = 200.0;
/// Tokens a second that each second of successes adds.
const GROWTH: f64 = 20.0;
/// Execs that were called and have not come; one that comes later than so many others waits
/// again.
const CALLED: usize = 64;

/// The pace of one kind of work.
pub(crate) struct Pace {
    work: &'static str,
    queue: Queue,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Tokens a second, while they are counted out.
    rate: Option<f64>,
    /// When there is a token again.
    token_at: Option<Instant>,
    /// Until when refusals are of calls that were under way at the last one.
    settled_at: Option<Instant>,
    order: VecDeque<ExecId>,
    waiting: HashSet<ExecId>,
    called: VecDeque<ExecId>,
}

impl State {
    fn wait(&mut self, exec: ExecId) {
        if self.waiting.insert(exec) {
            self.order.push_back(exec);
        }
    }

    fn pop(&mut self) -> Option<ExecId> {
        let exec = self.order.pop_front()?;
        self.waiting.remove(&exec);
        Some(exec)
    }
}

impl Pace {
    /// `work` is what it is called in metrics; who is called is put into `queue`.
    pub(crate) fn new(work: &'static str, queue: Queue) -> Self {
        Self {
            work,
            queue,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Whether the exec may go now. If not it waits, and comes into the queue in its turn.
    pub(crate) fn turn(&self, exec: ExecId) -> bool {
        let mut state = self.lock();
        if state.rate.is_none() {
            return true;
        }
        if let Some(place) = state.called.iter().position(|called| *called == exec) {
            state.called.remove(place);
            return true;
        }
        state.wait(exec);
        self.changed.notify_one();
        false
    }

    /// Whether the exec waits for its turn.
    pub(crate) fn waits(&self, exec: ExecId) -> bool {
        self.lock().waiting.contains(&exec)
    }

    /// The server did it.
    pub(crate) fn went(&self) {
        let mut state = self.lock();
        let Some(rate) = state.rate.map(|rate| rate + GROWTH / rate) else {
            return;
        };
        if rate < FASTEST {
            state.rate = Some(rate);
            return;
        }
        let waiting = std::mem::take(&mut *state).order;
        drop(state);
        tracing::info!(
            work = self.work,
            "the Kubernetes API has time again; nothing is held back"
        );
        for exec in waiting {
            self.queue.submit(exec);
        }
    }

    /// The server is too busy for this exec, which waits again, and asks for so much time.
    pub(crate) fn refused(&self, exec: ExecId, asked: Duration) {
        metrics::counter!("escapement_kubernetes_busy_total", "work" => self.work).increment(1);
        let now = Instant::now();
        let mut state = self.lock();
        state.token_at = state.token_at.max(Some(now + asked));
        state.wait(exec);
        if state.settled_at.is_none_or(|at| now >= at) {
            let rate = state.rate.map_or(FIRST, |rate| (rate / 2.0).max(SLOWEST));
            if state.rate.is_none() {
                let work = self.work;
                tracing::warn!(
                    work,
                    rate,
                    "the Kubernetes API is too busy; work is counted out"
                );
            }
            state.rate = Some(rate);
            state.settled_at = Some(now + asked);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Shows in metrics how many wait.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub(crate) fn show(&self) {
        metrics::gauge!("escapement_kubernetes_waiting", "work" => self.work)
            .set(self.depth() as f64);
    }

    fn depth(&self) -> usize {
        self.lock().order.len()
    }

    /// The driver: calls one exec for each token.
    pub(crate) async fn run(&self, stopping: CancellationToken) {
        while stopping.run_until_cancelled(self.step()).await.is_some() {}
    }

    async fn step(&self) {
        let changed = self.changed.notified();
        match self.next_token() {
            None => changed.await,
            Some(at) => tokio::select! {
                () = sleep_until(at) => self.call(),
                // A refusal may have moved the token.
                () = changed => {}
            },
        }
    }

    fn next_token(&self) -> Option<Instant> {
        let state = self.lock();
        let is_awaited = state.rate.is_some() && !state.order.is_empty();
        is_awaited.then(|| state.token_at.unwrap_or_else(Instant::now))
    }

    fn call(&self) {
        let mut state = self.lock();
        let Some(rate) = state.rate else { return };
        let Some(exec) = state.pop() else { return };
        state.token_at = Some(Instant::now() + Duration::from_secs_f64(1.0 / rate));
        if state.called.len() == CALLED {
            state.called.pop_front();
        }
        state.called.push_back(exec);
        drop(state);
        self.queue.submit(exec);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn execs<const N: usize>() -> [ExecId; N] {
        [(); N].map(|()| ExecId::new())
    }

    /// Those who were called until now.
    fn called(queue: &Queue) -> Vec<ExecId> {
        std::iter::from_fn(|| queue.next().now_or_never().map(|ticket| ticket.exec)).collect()
    }

    /// The next who is called.
    async fn next(pace: &Pace) -> ExecId {
        tokio::select! {
            ticket = pace.queue.next() => ticket.exec,
            () = pace.run(CancellationToken::new()) => unreachable!("it is not to stop"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_until_one_is_refused_and_then_all_do_in_order() {
        let (queue, [a, b, c]) = (Queue::default(), execs());
        let pace = Pace::new("test", queue.clone());
        assert!(pace.turn(a) && pace.turn(b));
        pace.refused(a, SECOND);
        for exec in [b, c, b] {
            assert!(!pace.turn(exec));
        }
        assert_eq!((pace.depth(), pace.waits(c)), (3, true));

        let began = Instant::now();
        assert_eq!(next(&pace).await, a);
        assert_eq!(began.elapsed(), SECOND, "as long as was asked for");
        assert!(pace.turn(a), "it was called");
        assert!(!pace.turn(a), "but once");
        for expected in [b, c, a] {
            assert_eq!(next(&pace).await, expected);
        }
        assert_eq!(began.elapsed(), SECOND + SECOND.mul_f64(3.0 / FIRST));
        assert_eq!(pace.next_token(), None, "nobody waits");
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_one_moment_count_once_and_there_is_always_some_pace() {
        let pace = Pace::new("test", Queue::default());
        let rate = || pace.lock().rate;
        for exec in execs::<9>() {
            pace.refused(exec, SECOND);
        }
        assert_eq!(rate(), Some(FIRST));
        for halved in [10.0, 5.0, 2.5, 1.25, 0.625, SLOWEST, SLOWEST] {
            tokio::time::advance(SECOND).await;
            pace.refused(ExecId::new(), SECOND);
            assert_eq!(rate(), Some(halved));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn successes_make_it_faster_until_nobody_waits_any_more() {
        let (queue, [a, b]) = (Queue::default(), execs());
        let pace = Pace::new("test", queue.clone());
        pace.refused(a, SECOND);
        pace.refused(b, SECOND);
        let began = Instant::now();
        let (mut rate, mut seconds) = (FIRST, 0.0);
        while seconds < 1.0 {
            seconds += 1.0 / rate;
            pace.went();
            rate = pace.lock().rate.unwrap();
        }
        assert!((39.0..=42.0).contains(&rate), "{rate} after a second");
        while pace.lock().rate.is_some() {
            pace.went();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(called(&queue), [a, b], "without a token");
        assert!(pace.turn(ExecId::new()));
        assert_eq!(pace.depth(), 0);
    }
}
