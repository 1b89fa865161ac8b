//! When a stream is complete: judged from reads, never from one end of file.
//!
//! A read that begins after the watch showed the container's end finds its
//! whole file: the runtime reports the end only when it has written all
//! output, and the watch hears of it later still. What such a read can be is
//! cut short, and the API server may then end its answer as if all was well.
//! So a read proves the end only if it shows every line that is stored and
//! nothing more. Where it could equally well have been cut (nothing is stored,
//! or the last line has no newline), a second read must show the same; a
//! pause between the two would only wait for writes that cannot come any more.
//!
//! Where the program's end is proved, a read that shows the proof is the last, whatever else.
//!
//! A log that the node does not have now is not a lost one: while containerd
//! or the kubelet restarts, the node says so of every log. Only time tells; less of it when
//! the pod is deleted, because once a minute a kubelet removes what such pods leave.

use std::time::Duration;

use store::logs::{LogLine, Verdict};
use tokio::time::Instant;

use crate::proof::Proof;

/// Reads that find the log replaced, until it is believed.
const TRIES: u32 = 5;

/// How long the log of a deleted pod may stay away: a runtime is back sooner.
const DELETED_LIMIT: Duration = Duration::from_secs(30);

/// Of an output whose end was to be proved.
const UNPROVEN: &str = "the end of the program's output is not proved: it was killed with \
                        everything in its container, or the node lost what was printed last";

/// What one read after the container's end has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinalRead {
    /// It came to an end.
    Whole {
        /// Lines that were not stored before, and now are.
        new_lines: u64,
        /// Whether all stored lines were seen.
        passed: bool,
        /// Lines in the stream after the read.
        stored: i64,
        /// A last line without a newline; not stored yet.
        unfinished: Option<LogLine>,
        /// Whether the program's end was seen.
        proof: Proof,
    },
    /// The node or the API server says that there is no such log.
    Missing(String),
    /// It could not be made, or was cut.
    Failed,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Read again at once.
    ReadAgain,
    /// Read again after a while.
    Retry,
    /// Store this last line, if there is one, and seal with this verdict.
    Seal(Option<LogLine>, Verdict),
}

/// A read that may have been cut: what it showed after the stored lines.
#[derive(Debug, PartialEq, Eq)]
struct Doubtful {
    unfinished: Option<LogLine>,
}

/// The evidence so far.
#[derive(Debug)]
pub struct Ending {
    missing_limit: Duration,
    doubtful: Option<Doubtful>,
    missing_since: Option<Instant>,
    short: u32,
}

impl Ending {
    /// A log that stays away for `missing_limit` is lost.
    pub fn new(missing_limit: Duration) -> Self {
        Self {
            missing_limit,
            doubtful: None,
            missing_since: None,
            short: 0,
        }
    }

    /// The pod is deleted, so the node may have removed its log.
    pub fn is_deleted(&mut self) {
        self.missing_limit = self.missing_limit.min(DELETED_LIMIT);
    }

    /// Takes one read, which ended at `now`, into account.
    pub fn judge(&mut self, read: FinalRead, now: Instant) -> Judgement {
        if matches!(read, FinalRead::Whole { .. }) {
            self.missing_since = None;
        }
        match read {
            FinalRead::Failed => Judgement::Retry,
            FinalRead::Missing(text) => {
                let since = *self.missing_since.get_or_insert(now);
                if now.duration_since(since) < self.missing_limit {
                    return Judgement::Retry;
                }
                let message = format!("the node no longer has the log: {text}");
                Judgement::Seal(None, Verdict::Incomplete(message))
            }
            FinalRead::Whole { passed: false, .. } => {
                self.short += 1;
                if self.short < TRIES {
                    return Judgement::Retry;
                }
                let message = "the node rotated the log at its end; last lines may be missing";
                Judgement::Seal(None, Verdict::Incomplete(message.to_owned()))
            }
            FinalRead::Whole {
                new_lines,
                stored,
                unfinished,
                proof,
                ..
            } => {
                if let Proof::Given { ends_mid_line } = proof {
                    return Judgement::Seal(None, Verdict::Proven { ends_mid_line });
                }
                let certain = new_lines == 0 && stored > 0 && unfinished.is_none();
                let same = new_lines == 0
                    && self
                        .doubtful
                        .as_ref()
                        .is_some_and(|last| last.unfinished == unfinished);
                if certain || same {
                    let verdict = match (proof, &unfinished) {
                        (Proof::Missing, _) => Verdict::Incomplete(UNPROVEN.to_owned()),
                        (_, Some(_)) => Verdict::EndsMidLine,
                        (_, None) => Verdict::Complete,
                    };
                    return Judgement::Seal(unfinished, verdict);
                }
                self.doubtful = Some(Doubtful { unfinished });
                Judgement::ReadAgain
            }
        }
    }
}

#[cfg(test)]
mod tests;
