//! What there is of an exec's log.

use std::time::Duration;

use shared_types::EventKind;
use shared_types::event::LogPosition;
use store::events::{self, ExecEventEntry};
use store::execs::Exec;
use store::logs::{self, Stream};
use tokio::time::Instant;

use crate::context::Context;
use crate::logs::completeness::Completeness;
use crate::logs::selection::Selection;
use crate::reply::error::ApiError;

/// How long an answer waits for the log of an ended exec to be sealed.
const SEAL_WAIT: Duration = Duration::from_secs(5);

/// How often it looks; nobody announces a seal.
const SEAL_CHECK: Duration = Duration::from_millis(100);

/// What there is of a log.
#[derive(Debug)]
pub struct Outline {
    /// What the platform did.
    pub timeline: Vec<ExecEventEntry>,
    /// The programs' output, by attempt.
    pub streams: Vec<Stream>,
    /// How much that is.
    pub completeness: Completeness,
}

impl Outline {
    /// Waits a little for the log of an ended exec to be sealed.
    pub async fn settled(
        context: &Context,
        exec: &Exec,
        selection: &Selection,
    ) -> Result<Self, ApiError> {
        let deadline = Instant::now() + SEAL_WAIT;
        loop {
            let outline = Self::load(context, exec, selection).await?;
            if outline.completeness != Completeness::Settling || Instant::now() >= deadline {
                return Ok(outline);
            }
            tokio::time::sleep(SEAL_CHECK).await;
        }
    }

    /// What there is now.
    pub async fn load(
        context: &Context,
        exec: &Exec,
        selection: &Selection,
    ) -> Result<Self, ApiError> {
        let mut conn = context.connection().await?;
        let mut timeline = events::list(&mut conn, exec.id).await?;
        let mut streams = logs::list(&mut conn, exec.id).await?;
        timeline.retain(|event| selection.holds(event.attempt));
        streams.retain(|stream| selection.holds(stream.attempt));
        // An attempt that another one followed has ended.
        let is_over = exec.state.is_terminal() || !selection.holds(exec.attempt);
        Ok(Self {
            completeness: Completeness::of(is_over, &timeline, &streams),
            timeline,
            streams,
        })
    }

    /// The same without what would read after lines that are still to come: for who
    /// sends lines once and in order.
    #[must_use]
    pub fn held(mut self, exec: &Exec) -> Self {
        let attempts = self.timeline.iter().map(|event| event.attempt);
        let attempts = attempts.chain(self.streams.iter().map(|stream| stream.attempt));
        let unfinished = attempts.filter(|attempt| !self.is_finished(exec, *attempt));
        if let Some(first) = unfinished.min() {
            self.timeline.retain(|event| {
                let after = event.kind.log_position() == Some(LogPosition::AfterProgram);
                event.attempt < first || (event.attempt == first && !after)
            });
            self.streams.retain(|stream| stream.attempt <= first);
            self.completeness = Completeness::Growing;
        }
        self
    }

    /// Whether no more lines of this attempt will come.
    fn is_finished(&self, exec: &Exec, attempt: i32) -> bool {
        let of_it = |event: &&ExecEventEntry| event.attempt == attempt;
        let timeline: Vec<_> = self.timeline.iter().filter(of_it).cloned().collect();
        let stream = self.streams.iter().find(|stream| stream.attempt == attempt);
        let ended = timeline.iter().any(|event| event.kind == EventKind::Ended);
        let is_over = ended || exec.state.is_terminal() || attempt < exec.attempt;
        let found = Completeness::of(is_over, &timeline, stream.map_or(&[], std::slice::from_ref));
        matches!(found, Completeness::Whole | Completeness::Partial)
    }
}
