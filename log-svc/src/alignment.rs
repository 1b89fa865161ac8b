//! Which of the lines read after a reconnect are stored already.
//!
//! "Newer than the last stored instant" cannot tell: the endpoint filters by
//! whole seconds and instants are not in the order of lines. So lines are compared as sequences:
//! what is stored since an instant with what the endpoint gives since then, by
//! instant and bytes, repeated lines counted.
//!
//! The node's filter always gives the same for the same file. So the stored
//! lines are what a read begins with, unless the node has rotated the file:
//! then the read begins at a later stored line, or, if the node has discarded
//! more than we stored, beyond the last one, which leaves a gap. All three are
//! one walk: each line read is looked for among the stored ones from the place
//! reached on; the first that is not found is new, and so are all after it.

//!
//! Of a stream without lines there is nothing to compare. What the node had
//! rotated away before the first read shows only in that the log could have
//! been rotated by then, and begins late.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use store::logs::LogLine;

/// How much older than its predecessor a line may be stamped and still be
/// found after a reconnect.
const SLACK: TimeDelta = TimeDelta::seconds(10);

/// How often the kubelet looks whether a log is to be rotated.
const ROTATION_CHECK: TimeDelta = TimeDelta::seconds(10);

/// Where to resume a stream whose last stored line was stamped `last`: a whole
/// second, because the endpoint and its client know no finer (and the client
/// would round up). The parts of a cut line share the instant of its head, so
/// an unfinished head is always read again.
pub fn resume_point(last: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = (last - SLACK).timestamp();
    DateTime::from_timestamp(seconds, 0).unwrap_or(last)
}

/// A line in 24 bytes, to recognise it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    at: DateTime<Utc>,
    hash: u64,
}

impl Print {
    fn of(line: &LogLine) -> Self {
        let mut hasher = DefaultHasher::new();
        line.bytes.hash(&mut hasher);
        line.continued.hash(&mut hasher);
        Self {
            at: line.at,
            hash: hasher.finish(),
        }
    }
}

/// What a line read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was stored before.
    Known,
    /// It follows the stored lines.
    New,
    /// It is new, and lines before it may be missing.
    NewAfterGap,
}

/// Stored lines since an instant, and how far a read has come in them.
#[derive(Debug, Default)]
pub struct Alignment {
    stored: Vec<Print>,
    reached: usize,
    beyond: bool,
    /// In a stream without lines: lines before one later than this may have
    /// been rotated away.
    rotated_by: Option<DateTime<Utc>>,
}

impl Alignment {
    /// Of a read that begins at `now`, of a stream without lines whose program
    /// had printed nothing by `silent_until`. That the program was silent for
    /// longer cannot be told from a rotation, so it counts as one.
    pub fn of_first_read(silent_until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let check = silent_until + ROTATION_CHECK;
        Self {
            rotated_by: (now > check).then_some(check),
            ..Self::default()
        }
    }

    /// Adds a stored line, in the order of the stream.
    pub fn expect(&mut self, line: &LogLine) {
        self.stored.push(Print::of(line));
    }

    /// Takes the next line read.
    pub fn place(&mut self, line: &LogLine) -> Standing {
        if self.beyond {
            return Standing::New;
        }
        let print = Print::of(line);
        let rest = &self.stored[self.reached..];
        if let Some(skipped) = rest.iter().position(|stored| *stored == print) {
            self.reached += skipped + 1;
            return Standing::Known;
        }
        self.beyond = true;
        let rotated = self.rotated_by.is_some_and(|check| line.at > check);
        let contiguous = rest.is_empty() && !rotated;
        self.stored = Vec::new();
        self.reached = 0;
        if contiguous {
            Standing::New
        } else {
            Standing::NewAfterGap
        }
    }

    /// Whether the read has come to the end of the stored lines.
    pub fn is_passed(&self) -> bool {
        self.reached == self.stored.len()
    }
}

#[cfg(test)]
mod tests;
