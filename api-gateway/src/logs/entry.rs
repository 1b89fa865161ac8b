//! A line of a log as a client gets it, and how it is written down.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use regex::bytes::{NoExpand, Regex};
use serde::Serialize;
use shared_types::{ExecId, JobId};
use store::logs::{DISCARDED, Gap, LeftOut, LogLine, TOO_LARGE};

use crate::logs::position::Position;
use crate::reply::timestamp::Timestamp;

/// The line that stands where the node threw lines away before they were read.
pub fn gap_mark(gap: Option<&Gap>) -> String {
    let bounds = gap.map(|gap| {
        let until = format!("before {}", Timestamp(gap.until));
        let after = gap.after.map(Timestamp);
        after.map_or(format!(", {until}"), |after| {
            format!(", after {after} and {until}")
        })
    });
    format!(
        "Lines may be missing here{}: {DISCARDED}.",
        bounds.unwrap_or_default()
    )
}

/// The line that stands where lines were left out, because the log is too large.
pub fn left_out_mark(left_out: &LeftOut) -> String {
    let (lines, bytes) = (left_out.lines(), left_out.bytes);
    let after = left_out.after.map(Timestamp);
    let after = after.map_or(String::new(), |after| format!("after {after} and "));
    let until = Timestamp(left_out.until);
    format!("{lines} lines of {bytes} bytes are left out here, {after}before {until}: {TOO_LARGE}.")
}

/// The escape sequences of terminals as ECMA-48 has them: control sequences such as colours,
/// control strings such as a window's title, and single functions.
#[expect(
    clippy::expect_used,
    reason = "constant, and each test of `ansi` compiles it"
)]
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
    let control = r"\[[0-?]*[ -/]*[@-~]";
    let string = r"[PX\]^_][^\x07\x1b]*(?:\x07|\x1b\\)?";
    let function = r"[ -/]*[0-~]";
    let escapes = format!(r"(?-u)\x1b(?:{control}|{string}|{function})");
    Regex::new(&escapes).expect("a regular expression")
});

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The attempt, from 1; 0 for what was before the first.
    pub attempt: i32,
    /// Whether the platform says it, not the program.
    pub platform: bool,
    /// When it happened, or when the node received it.
    pub at: DateTime<Utc>,
    /// The next entry goes on where this one stops: the line was too long.
    pub continued: bool,
    /// The text: any bytes.
    pub bytes: Vec<u8>,
    /// How far the log is read after it.
    pub after: Position,
}

impl Entry {
    /// A line of the platform.
    pub fn platform(at: DateTime<Utc>, message: String, (attempt, after): (i32, Position)) -> Self {
        Self {
            attempt,
            platform: true,
            at,
            continued: false,
            bytes: message.into_bytes(),
            after,
        }
    }

    /// A line of the program.
    pub fn program(line: LogLine, (attempt, after): (i32, Position)) -> Self {
        Self {
            attempt,
            platform: false,
            at: line.at,
            continued: line.continued,
            bytes: line.bytes,
            after,
        }
    }
}

/// How a log is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of lines with their times.
    Json,
    /// The lines, each with a newline.
    Text,
    /// Server-sent events, a line each; the id of each is the position after it.
    Events,
}

#[derive(Serialize)]
struct LineView<'a> {
    message: &'a str,
    time: i64,
    attempt: i32,
    platform: bool,
    continued: bool,
    /// The node's API does not tell.
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec_id: Option<ExecId>,
}

/// Writes lines in blocks, so that a log of any length can be sent without being held.
#[derive(Debug)]
pub struct LineWriter {
    format: Format,
    strip: bool,
    /// Whose lines follow, where there are several.
    owner: Option<(JobId, ExecId)>,
    block: Vec<u8>,
    begun: bool,
    /// Of text: whether the last line is to be continued.
    mid_line: bool,
}

impl LineWriter {
    /// Before the first line; `strip` takes the escape sequences of terminals away.
    pub const fn new(format: Format, strip: bool) -> Self {
        Self {
            format,
            strip,
            owner: None,
            block: Vec::new(),
            begun: false,
            mid_line: false,
        }
    }

    /// The lines that follow are of this exec, and say so.
    pub fn of(&mut self, job: JobId, exec: ExecId) {
        self.owner = Some((job, exec));
    }

    /// Adds a line. Bytes that are not UTF-8 become U+FFFD in JSON, and stay in text.
    pub fn push(&mut self, entry: &Entry) -> serde_json::Result<()> {
        if self.strip && entry.bytes.contains(&b'\x1b') {
            let stripped = ESCAPES.replace_all(&entry.bytes, NoExpand(b""));
            return self.line(entry, &stripped);
        }
        self.line(entry, &entry.bytes)
    }

    fn line(&mut self, entry: &Entry, bytes: &[u8]) -> serde_json::Result<()> {
        match self.format {
            Format::Text => {
                if self.mid_line && entry.platform {
                    self.block.push(b'\n');
                }
                self.block.extend_from_slice(bytes);
                self.mid_line = entry.continued;
                if !self.mid_line {
                    self.block.push(b'\n');
                }
                return Ok(());
            }
            Format::Json => self.block.push(if self.begun { b',' } else { b'[' }),
            Format::Events => {
                let head = format!("id: {}\ndata: ", entry.after);
                self.block.extend_from_slice(head.as_bytes());
            }
        }
        self.begun = true;
        let line = LineView {
            message: &String::from_utf8_lossy(bytes),
            time: entry.at.timestamp(),
            attempt: entry.attempt,
            platform: entry.platform,
            continued: entry.continued,
            stream: None,
            job_id: self.owner.map(|(job, _)| job),
            exec_id: self.owner.map(|(_, exec)| exec),
        };
        serde_json::to_writer(&mut self.block, &line)?;
        if self.format == Format::Events {
            self.block.extend_from_slice(b"\n\n");
        }
        Ok(())
    }

    /// After the last line.
    pub fn close(&mut self) {
        match (self.format, self.begun) {
            (Format::Text | Format::Events, _) => {}
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
