//! How an exec's log reads: for each attempt the platform's lines before the
//! program, the program's own, and the platform's after it. Kubernetes gives
//! container times in whole seconds, so the order comes from what a line tells
//! and not from its time.

use chrono::{DateTime, Utc};
use shared_types::EventKind;
use shared_types::event::LogPosition;
use store::events::ExecEventEntry;
use store::logs::{Filter, REMOVED, Stream};

use crate::logs::position::Position;

/// Place of the program's lines within their attempt.
const PROGRAM: u8 = 2;

/// Place of what a stream says of itself; the last one.
const INCOMPLETE: u8 = 6;

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The attempt, from 1; 0 for what was before the first.
    pub attempt: i32,
    /// Its place within the attempt; each has one part at most.
    pub place: u8,
    /// What it is.
    pub content: Content,
}

/// What a stretch of the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A line of the platform.
    Platform {
        /// When it happened.
        at: DateTime<Utc>,
        /// The line.
        message: String,
    },
    /// Lines of the attempt's program.
    Program {
        /// Number of the first line.
        from_seq: i64,
        /// Number of the line after the last one.
        end_seq: i64,
    },
}

impl Part {
    /// Where a reader stands who passed it over.
    pub fn passed(&self, position: Position) -> Position {
        match self.content {
            Content::Platform { .. } => position.after_platform(self.attempt, self.place),
            Content::Program { end_seq, .. } => position.before_line(self.attempt, end_seq),
        }
    }
}

/// The parts that were not read yet, in the order of reading.
pub fn arrange(
    events: Vec<ExecEventEntry>,
    streams: &[Stream],
    filter: &Filter,
    read: Position,
) -> Vec<Part> {
    let program = |stream: &Stream| {
        if stream.lines_removed_at().is_some() {
            return None;
        }
        let from_seq = read.from_seq(stream.attempt)?;
        Some(Part {
            attempt: stream.attempt,
            place: PROGRAM,
            content: Content::Program {
                from_seq,
                end_seq: stream.next_seq,
            },
        })
    };
    let platform = |attempt, place, at, message: String| {
        let wanted = !read.has_shown(attempt, place) && filter.passes(at, message.as_bytes());
        wanted.then_some(Part {
            attempt,
            place,
            content: Content::Platform { at, message },
        })
    };
    let told = |event: ExecEventEntry| {
        platform(event.attempt, place(event.kind)?, event.at, event.message)
    };
    let incomplete = |stream: &Stream| {
        let (at, message) = incomplete(stream)?;
        platform(stream.attempt, INCOMPLETE, at, message)
    };
    let mut parts: Vec<_> = events.into_iter().filter_map(told).collect();
    parts.extend(streams.iter().filter_map(program));
    parts.extend(streams.iter().filter_map(incomplete));
    parts.sort_by_key(|part| (part.attempt, part.place));
    parts
}

/// What a stream that does not have all its lines says of itself.
fn incomplete(stream: &Stream) -> Option<(DateTime<Utc>, String)> {
    if let Some(at) = stream.lines_removed_at() {
        return Some((at, format!("The log was removed: {REMOVED}.")));
    }
    let at = stream
        .sealed_at
        .filter(|_| stream.complete == Some(false))?;
    let why = stream.message.as_deref().unwrap_or("lines may be missing");
    Some((at, format!("The log is incomplete: {why}.")))
}

/// Place of a platform line within its attempt. Part of positions, so of cursors that
/// clients keep: none changes, and there is room for eight.
fn place(kind: EventKind) -> Option<u8> {
    match (kind.log_position()?, kind) {
        (LogPosition::BeforeProgram, EventKind::Pulling) => Some(0),
        (LogPosition::BeforeProgram, _) => Some(1),
        (LogPosition::AfterProgram, EventKind::Corrected) => Some(4),
        (LogPosition::AfterProgram, EventKind::LogsAbandoned) => Some(5),
        (LogPosition::AfterProgram, _) => Some(3),
    }
}

#[cfg(test)]
mod tests;
