//! `log_streams`, `log_chunks`: what the program of each attempt printed.
//!
//! A stream is one attempt's output; its lines are numbered from 0 without
//! holes and kept in compressed chunks, because a row a line costs ten times
//! the space and half the speed.
//!
//! **Exactly once is a fenced sequence.** A writer holds the stream's epoch and
//! the number of the next line; an append is one transaction that first moves
//! `next_seq` on from exactly that number under exactly that epoch. Two writers
//! of one stream can therefore never interleave or repeat lines: whoever
//! opened it last may write, the other is told so and has changed nothing.

mod chunk;
mod digest;
mod filter;
mod gap;
mod heads;
mod opening;
mod reader;
mod stream;
mod tail;
mod trim;
mod writer;
mod writing;

use chrono::{DateTime, Utc};
use shared_types::ExecId;

pub use chunk::{BATCH_TARGET_BYTES, CHUNK_TARGET_BYTES, MAX_LINE_BYTES};
pub use filter::Filter;
pub use gap::{DISCARDED, Gap, Gaps};
pub use heads::{Head, heads};
pub use opening::{Opened, Reload, open, reload};
pub use reader::{LogPage, PageLimits, SequencedLine, read, visit_since};
pub use stream::{
    REMOVED, Stream, UnreadStream, abandoned, abandoned_at, get, last_at, list, list_all, unsealed,
};
pub use tail::{Tail, tail};
pub use trim::{LeftOut, TOO_LARGE, trim};
pub use writer::Writer;
pub use writing::{Append, Seal, Verdict, append, seal};

/// One attempt's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// The exec.
    pub exec: ExecId,
    /// Its attempt, from 1.
    pub attempt: i32,
}

/// What of a stream is kept: its beginning and its end, in bytes as [`Writer::exceeds`]
/// counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So much of its beginning, rounded up to whole chunks.
    pub first: i64,
    /// So much of its end, rounded up likewise.
    pub last: i64,
}

/// A line as the program wrote it, without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the node received it, to the nanosecond.
    pub at: DateTime<Utc>,
    /// The next line goes on where this one stops: it was longer than
    /// [`MAX_LINE_BYTES`].
    pub continued: bool,
    /// Lines between this one and the one before may be missing.
    pub gap_before: bool,
    /// The bytes: any bytes, also NUL and invalid UTF-8.
    pub bytes: Vec<u8>,
}
