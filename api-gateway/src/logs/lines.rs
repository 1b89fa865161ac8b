//! How an exec's log reads: for each attempt the platform's lines before the
//! program, the program's own, and the platform's after it. Kubernetes gives
//! container times in whole seconds, so the order comes from what a line tells
//! and not from its time.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_types::EventKind;
use shared_types::event::LogPosition;
use store::events::ExecEventEntry;
use store::logs::{LogLine, Stream};

use crate::logs::window::Window;

/// Shown where the node threw lines away before they were read.
const GAP: &str = "Lines may be missing here.";

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A line of the platform.
    Platform {
        /// When it happened.
        at: DateTime<Utc>,
        /// The line.
        message: String,
    },
    /// All lines of this attempt's program.
    Program {
        /// The attempt, from 1.
        attempt: i32,
    },
}

/// The parts in the order of reading.
pub fn arrange(events: Vec<ExecEventEntry>, streams: &[Stream], window: Window) -> Vec<Part> {
    let program = |stream: &Stream| {
        let attempt = stream.attempt;
        ((attempt, 2), Part::Program { attempt })
    };
    let incomplete = |stream: &Stream| {
        let (at, message) = incomplete(stream).filter(|(at, _)| window.holds(*at))?;
        Some(((stream.attempt, 5), Part::Platform { at, message }))
    };
    let platform = |event: ExecEventEntry| {
        let place = (event.attempt, place(event.kind)?);
        let part = Part::Platform {
            at: event.at,
            message: event.message,
        };
        window.holds(event.at).then_some((place, part))
    };
    let mut parts: Vec<_> = events.into_iter().filter_map(platform).collect();
    parts.extend(streams.iter().map(program));
    parts.extend(streams.iter().filter_map(incomplete));
    parts.sort_by_key(|(place, _)| *place);
    parts.into_iter().map(|(_, part)| part).collect()
}

/// What a stream that was sealed without all its lines says of itself.
fn incomplete(stream: &Stream) -> Option<(DateTime<Utc>, String)> {
    let at = stream
        .sealed_at
        .filter(|_| stream.complete == Some(false))?;
    let why = stream.message.as_deref().unwrap_or("lines may be missing");
    Some((at, format!("The log is incomplete: {why}.")))
}

/// Place of a platform line within its attempt; the program's lines are at 2.
fn place(kind: EventKind) -> Option<u8> {
    match (kind.log_position()?, kind) {
        (LogPosition::BeforeProgram, EventKind::Pulling) => Some(0),
        (LogPosition::BeforeProgram, _) => Some(1),
        (LogPosition::AfterProgram, EventKind::LogsAbandoned) => Some(4),
        (LogPosition::AfterProgram, _) => Some(3),
    }
}

#[derive(Serialize)]
struct LineView<'a> {
    message: &'a str,
    time: i64,
}

/// Writes a JSON array of lines in blocks, so that a log of any length can be
/// sent without being held.
#[derive(Debug)]
pub struct LineArray {
    block: Vec<u8>,
    separator: u8,
}

impl Default for LineArray {
    fn default() -> Self {
        Self {
            block: Vec::new(),
            separator: b'[',
        }
    }
}

impl LineArray {
    /// Adds a line of the platform.
    pub fn push(&mut self, at: DateTime<Utc>, message: &str) -> serde_json::Result<()> {
        self.block.push(self.separator);
        self.separator = b',';
        let line = LineView {
            message,
            time: at.timestamp(),
        };
        serde_json::to_writer(&mut self.block, &line)
    }

    /// Adds a line of the program. Bytes that are not UTF-8 become U+FFFD.
    pub fn push_program(&mut self, line: &LogLine) -> serde_json::Result<()> {
        if line.gap_before {
            self.push(line.at, GAP)?;
        }
        self.push(line.at, &String::from_utf8_lossy(&line.bytes))
    }

    /// Ends the array.
    pub fn close(&mut self) {
        if self.separator == b'[' {
            self.block.push(b'[');
        }
        self.block.push(b']');
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.block)
    }
}

#[cfg(test)]
mod tests;
