//! Reading a running container's log as it grows.

use chrono::Utc;
use store::logs::Writer;
use tokio::time::Instant;

use super::{Step, Tail, TailError};
use crate::sighting::Sighting;
use crate::source::{PodLog, SourceError};
use crate::transfer::{Flushed, Pumped};

impl Tail {
    /// Follows a running container until the connection ends or it does.
    pub(super) async fn follow(&mut self, writer: Writer, log: &PodLog) -> Result<Step, TailError> {
        let context = self.context.clone();
        let left = self.left(Sighting::Running);
        let mut left = std::pin::pin!(left);
        let permit = tokio::select! {
            permit = context.follows.acquire() => permit,
            () = &mut left => return Ok(self.keep(writer)),
        };
        let mut transfer = self.transfer(writer).await?;
        transfer.may_leap();
        let began = Instant::now();
        let stream = tokio::select! {
            stream = log.follow(transfer.since()) => stream,
            () = &mut left => return Ok(self.keep(transfer.end().writer)),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return Ok(self.interrupted(&error, began)),
        };
        let pumped = transfer.pump(stream, &mut left).await?;
        drop(permit);
        if matches!(pumped, Pumped::Fenced) || transfer.flush().await? == Flushed::Fenced {
            return Ok(Step::Again);
        }
        let transferred = transfer.end();
        if transferred.writer.next_seq() == 0 && transferred.foreign.is_none() {
            self.silent_until = Some(Utc::now());
        }
        self.keep(transferred.writer);
        if matches!(pumped, Pumped::Interrupted | Pumped::Leapt) {
            return Ok(Step::Again);
        }
        // Its end is not the program's: the watch tells that.
        tracing::debug!(exec = %self.key.exec, ?pumped, foreign = transferred.foreign, "follow ended");
        metrics::counter!("escapement_log_reconnects_total").increment(1);
        Ok(Step::Retry(began.elapsed()))
    }

    fn interrupted(&self, error: &SourceError, began: Instant) -> Step {
        let error: &dyn std::error::Error = error;
        tracing::debug!(exec = %self.key.exec, error, "no follow");
        metrics::counter!("escapement_log_reconnects_total").increment(1);
        Step::Retry(began.elapsed())
    }
}
