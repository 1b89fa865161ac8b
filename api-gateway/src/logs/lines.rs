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
    /// Lines of this attempt's program.
    Program {
        /// The attempt, from 1.
        attempt: i32,
        /// Number of the first line.
        from_seq: i64,
    },
}

/// The parts in the order of reading.
pub fn arrange(events: Vec<ExecEventEntry>, streams: &[Stream], window: Window) -> Vec<Part> {
    let program = |stream: &Stream| {
        let attempt = stream.attempt;
        let from_seq = 0;
        ((attempt, 2), Part::Program { attempt, from_seq })
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

/// How a log is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of lines with their times.
    Json,
    /// The lines, each with a newline.
    Text,
}

#[derive(Serialize)]
struct LineView<'a> {
    message: &'a str,
    time: i64,
}

/// Writes lines in blocks, so that a log of any length can be sent without being held.
#[derive(Debug)]
pub struct LineWriter {
    format: Format,
    block: Vec<u8>,
    begun: bool,
}

impl LineWriter {
    /// Before the first line.
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            block: Vec::new(),
            begun: false,
        }
    }

    /// Adds a line of the platform.
    pub fn push(&mut self, at: DateTime<Utc>, message: &str) -> serde_json::Result<()> {
        self.line(at, message.as_bytes())
    }

    /// Adds a line of the program.
    pub fn push_program(&mut self, line: &LogLine) -> serde_json::Result<()> {
        if line.gap_before {
            self.push(line.at, GAP)?;
        }
        self.line(line.at, &line.bytes)
    }

    /// Bytes that are not UTF-8 become U+FFFD in JSON, and stay in text.
    fn line(&mut self, at: DateTime<Utc>, bytes: &[u8]) -> serde_json::Result<()> {
        if self.format == Format::Text {
            self.block.extend_from_slice(bytes);
            self.block.push(b'\n');
            return Ok(());
        }
        self.block.push(if self.begun { b',' } else { b'[' });
        self.begun = true;
        let line = LineView {
            message: &String::from_utf8_lossy(bytes),
            time: at.timestamp(),
        };
        serde_json::to_writer(&mut self.block, &line)
    }

    /// After the last line.
    pub fn close(&mut self) {
        match (self.format, self.begun) {
            (Format::Text, _) => {}
            (Format::Json, true) => self.block.push(b']'),
            (Format::Json, false) => self.block.extend_from_slice(b"[]"),
        }
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.block)
    }
}

#[cfg(test)]
mod tests;
