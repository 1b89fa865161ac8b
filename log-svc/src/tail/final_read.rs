//! Reading an ended container's log to its end.

use std::time::Duration;

use store::logs::Writer;
use tokio::time::Instant;

use super::{Step, Tail, TailError};
use crate::ending::{FinalRead, Judgement};
use crate::sighting::Sighting;
use crate::source::{PodLog, SourceError};
use crate::transfer::{Flushed, Pumped, Transfer, Transferred};

impl Tail {
    /// Makes one read of an ended container and does what it calls for.
    pub(super) async fn read_to_the_end(
        &mut self,
        writer: Writer,
        log: &PodLog,
    ) -> Result<Step, TailError> {
        let context = self.context.clone();
        let Ok(_permit) = context.final_reads.acquire().await else {
            return Ok(Step::Idle);
        };
        let mut transfer = self.transfer(writer).await?;
        let read = match self.read_once(&mut transfer, log).await? {
            Once::Ended => self.weigh(transfer.end()),
            Once::Refused(error) => {
                self.keep(transfer.end().writer);
                refused(error)
            }
            Once::Cut => {
                self.keep(transfer.end().writer);
                FinalRead::Failed
            }
            Once::Fenced => return Ok(Step::Again),
        };
        match self.ending.judge(read, Instant::now()) {
            Judgement::ReadAgain => Ok(Step::Again),
            Judgement::Retry => Ok(Step::Retry(Duration::ZERO)),
            Judgement::Seal(last, verdict) => match self.grip().await? {
                super::Grip::Writer(writer) => self.seal(writer, last, &verdict).await,
                _ => Ok(Step::Again),
            },
        }
    }

    async fn read_once(&self, transfer: &mut Transfer, log: &PodLog) -> Result<Once, TailError> {
        let mut left = std::pin::pin!(self.left(Sighting::Ended));
        let stream = tokio::select! {
            stream = log.read(transfer.since()) => stream,
            () = &mut left => return Ok(Once::Cut),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return Ok(Once::Refused(error)),
        };
        let pumped = transfer.pump(stream, left).await?;
        if matches!(pumped, Pumped::Fenced) || transfer.flush().await? == Flushed::Fenced {
            return Ok(Once::Fenced);
        }
        Ok(if matches!(pumped, Pumped::Eof) {
            Once::Ended
        } else {
            Once::Cut
        })
    }

    fn weigh(&mut self, transferred: Transferred) -> FinalRead {
        let stored = transferred.writer.next_seq();
        self.keep(transferred.writer);
        if let Some(text) = transferred.foreign {
            return FinalRead::Missing(text);
        }
        if transferred.cut {
            return FinalRead::Failed;
        }
        FinalRead::Whole {
            new_lines: transferred.new_lines,
            passed: transferred.passed,
            stored,
            unfinished: transferred.unfinished,
            proof: transferred.proof,
        }
    }
}

/// How one read went.
enum Once {
    Ended,
    Refused(SourceError),
    Cut,
    Fenced,
}

fn refused(error: SourceError) -> FinalRead {
    match error {
        SourceError::Missing(text) => FinalRead::Missing(text),
        SourceError::Unavailable(_) | SourceError::Timeout => {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(error, "no final read");
            FinalRead::Failed
        }
    }
}
