//! Owner of a process's tasks. A loop that ends although nobody asked it to is a
//! fault the platform must see, so it stops the whole process with its name.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an owned task may end with: nothing, or a result whose error is logged.
pub trait Outcome: Send + 'static {
    /// The text of the error, if there was one.
    fn error(self) -> Option<String>;
}

impl Outcome for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<E: Into<anyhow::Error> + Send + 'static> Outcome for Result<(), E> {
    fn error(self) -> Option<String> {
        self.err().map(|error| format!("{:#}", error.into()))
    }
}

/// A task that failed, or ended before it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {task} {how}")]
pub struct TaskFailure {
    /// The name given to [`Tasks::spawn`].
    pub task: String,
    /// What happened to it.
    pub how: String,
}

/// A group of tasks that stop together. Clones own the same group.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    abandoned: CancellationToken,
    /// Cancelled when the whole process should stop.
    process: CancellationToken,
    failure: Arc<Mutex<Option<TaskFailure>>>,
}

impl Tasks {
    /// A group that stops `process` when one of its loops fails.
    pub fn new(process: CancellationToken) -> Self {
        Self {
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            process,
            failure: Arc::default(),
        }
    }

    /// A second group that reports its failures with this one's but stops later:
    /// what must still flush when running work has ended.
    pub(crate) fn later(&self) -> Self {
        Self {
            process: self.process.clone(),
            failure: self.failure.clone(),
            ..Self::new(self.process.clone())
        }
    }

    /// Cancelled when this group should end; every loop listens to it.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs a loop until the group stops. Ending earlier, an error or a panic
    /// stops the process, which then exits non-zero with `name` in its log.
    pub fn spawn<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let (group, name) = (self.clone(), name.into());
        self.start(async move {
            let ended = tokio::select! {
                ended = AssertUnwindSafe(task).catch_unwind() => ended,
                () = group.abandoned.cancelled() => {
                    tracing::warn!(task = name, "task abandoned at the grace limit");
                    return;
                }
            };
            group.ended(&name, ended.map(Outcome::error));
        });
    }

    /// Runs work that ends by itself, and which the group waits for when it
    /// stops, even if its caller has gone away. A panic is the caller's to see.
    pub fn spawn_finite<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.start(work)
    }

    /// Asks every loop to end.
    pub fn stop(&self) {
        self.stopping.cancel();
        self.tracker.close();
    }

    /// Asks every loop to end and waits; what is left at `limit` is abandoned.
    /// True when all had ended by then.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.stop();
        let drained = tokio::time::timeout(limit, self.tracker.wait())
            .await
            .is_ok();
        self.abandoned.cancel();
        drained
    }

    /// The first failure of this group or of the one it was made with.
    pub fn failure(&self) -> Option<TaskFailure> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn ended(&self, name: &str, ended: Result<Option<String>, Box<dyn Any + Send>>) {
        let how = match ended {
            Ok(None) if self.stopping.is_cancelled() => return,
            Ok(None) => "ended unasked".to_owned(),
            Ok(Some(error)) => format!("failed: {error}"),
            Err(panic) => format!("panicked: {}", panic_text(&*panic)),
        };
        tracing::error!(task = name, "task {name} {how}; stopping the process");
        metrics::counter!("escapement_task_failures_total", "task" => name.to_owned()).increment(1);
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| TaskFailure {
                task: name.to_owned(),
                how,
            });
        self.process.cancel();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the owner every task needs"
    )]
    fn start<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(self.tracker.track_future(task))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
