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
//! Of the stored lines the first may be unknown: those left out of a large log, and more
//! than fit into memory. Then a read begins with lines that are not found and no newer than
//! what is stored: they are passed over until the first that is found.
//!
//! Of a stream without lines there is nothing to compare. What the node had
//! rotated away before the first read shows only in that the log could have
//! been rotated by then, and begins late.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use store::logs::LogLine;

/// How much older than its predecessor a line may be stamped and still be
/// found after a reconnect.
const SLACK: TimeDelta = TimeDelta::seconds(10);

/// Stored lines that are known at most; a program may print more in [`SLACK`].
const STORED_MAX: usize = 100_000;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    stored: VecDeque<Print>,
    /// Whether there are stored lines before the first of these.
    begins_late: bool,
    /// Then, until the first line is found: where each stands first.
    places: Option<HashMap<Print, usize>>,
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
        if self.stored.len() == STORED_MAX {
            self.stored.pop_front();
            self.begins_late = true;
        }
        self.stored.push_back(Print::of(line));
    }

    /// A read may begin with stored lines that are not expected.
    pub fn begin_late(&mut self) {
        self.begins_late = true;
    }

    /// Takes the next line read.
    pub fn place(&mut self, line: &LogLine) -> Standing {
        if self.beyond {
            return Standing::New;
        }
        let print = Print::of(line);
        if self.begins_late {
            return self.place_late(print);
        }
        let mut rest = self.stored.range(self.reached..);
        if let Some(skipped) = rest.position(|stored| *stored == print) {
            self.reached += skipped + 1;
            return Standing::Known;
        }
        let rotated = self.rotated_by.is_some_and(|check| line.at > check);
        let contiguous = self.is_passed() && !rotated;
        self.go_beyond(contiguous)
    }

    /// Takes a line before the first that is found.
    fn place_late(&mut self, print: Print) -> Standing {
        let stored = &self.stored;
        let places = self.places.get_or_insert_with(|| {
            // The first place of each is the one that stays.
            let places = stored.iter().enumerate().rev();
            places.map(|(place, print)| (*print, place)).collect()
        });
        if let Some(place) = places.get(&print) {
            self.reached = place + 1;
            self.begins_late = false;
            self.places = None;
            return Standing::Known;
        }
        match self.stored.back() {
            Some(last) if print.at <= last.at => Standing::Known,
            _ => self.go_beyond(false),
        }
    }

    fn go_beyond(&mut self, contiguous: bool) -> Standing {
        self.beyond = true;
        self.stored = VecDeque::new();
        self.places = None;
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
