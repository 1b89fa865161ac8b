//! From the bytes of the pod-log endpoint (`timestamps=true`) to lines.
//!
//! Every line of a program begins with the instant at which the node received
//! it. Text without one is never the program's: it is an error message that
//! the node wrote into a 200 answer or, at the start of a resumed read, the
//! tail of a long line that began before.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use store::logs::{LogLine, MAX_LINE_BYTES};

use crate::masking::Masks;
use crate::proof::Records;

/// `2026-11-23T14:00:00.000000000+00:00` and room to spare.
const MAX_STAMP_BYTES: usize = 40;
/// Of text that is not the program's, as much as helps to find the cause.
const MAX_FOREIGN_BYTES: usize = 1024;

/// A longer line gives back the memory that it needed.
const KEPT_BYTES: usize = 4 * 1024;

/// Something read from the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A line of the program, or a part of one that is too long.
    Line(LogLine),
    /// The record that ends an output.
    Record {
        /// Number of the output.
        output: usize,
        /// Whether it was on the line before it, which had no newline.
        on_a_line: bool,
    },
    /// Text that is not the program's.
    Foreign(String),
}

/// What a stream ended with instead of a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: the last line was whole.
    Nothing,
    /// A line without its newline, or as much of one as was sent.
    Line(LogLine),
    /// Text that is not the program's.
    Foreign(String),
    /// The beginning of a timestamp: more was to come.
    CutStamp,
}

/// Cuts a byte stream into lines and masks them. Memory stays below
/// [`MAX_LINE_BYTES`] and what decides whether a byte is hidden, or of a record.
#[derive(Debug)]
pub struct LineParser {
    masks: Arc<Masks>,
    records: Records,
    place: Place,
    buffer: Vec<u8>,
    /// So much of the buffer was passed on with an earlier part of its line.
    passed_on: usize,
    /// Nothing older was asked for.
    since: Option<DateTime<Utc>>,
    /// Still before the first line of the program.
    leading: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// In what should be a timestamp.
    Stamp,
    /// In the text that follows one.
    Text(DateTime<Utc>),
    /// In text that has none.
    Foreign,
}

impl LineParser {
    /// For an answer to a request with this `sinceTime`.
    pub fn new(since: Option<DateTime<Utc>>, masks: Arc<Masks>, records: Records) -> Self {
        Self {
            masks,
            records,
            place: Place::Stamp,
            buffer: Vec::new(),
            passed_on: 0,
            since,
            leading: true,
        }
    }

    /// Takes the next bytes and passes on what they complete.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Parsed)) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Stamp => self.stamp(bytes),
                Place::Text(at) => self.text(bytes, at, sink),
                Place::Foreign => self.foreign(bytes, sink),
            };
        }
    }

    /// What is left when the stream has ended.
    pub fn rest(mut self) -> Rest {
        match self.place {
            Place::Text(at) => {
                let length = self.buffer.len();
                self.records.take_off_begun(&mut self.buffer);
                if self.buffer.is_empty() && length > 0 {
                    return Rest::Nothing;
                }
                Rest::Line(self.end_line(at))
            }
            Place::Stamp if self.buffer.is_empty() => Rest::Nothing,
            Place::Stamp if self.buffer.iter().copied().all(is_stamp_byte) => Rest::CutStamp,
            Place::Stamp | Place::Foreign => {
                self.end_foreign().map_or(Rest::Nothing, Rest::Foreign)
            }
        }
    }

    fn stamp<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| matches!(byte, b' ' | b'\n'));
        let stamp = &bytes[..end.unwrap_or(bytes.len())];
        let room = MAX_STAMP_BYTES - self.buffer.len();
        if stamp.len() > room {
            self.place = Place::Foreign;
            return bytes;
        }
        self.buffer.extend_from_slice(stamp);
        let Some(end) = end else {
            return &[];
        };
        let Some(at) = parse_stamp(&self.buffer).filter(|at| self.is_asked_for(*at)) else {
            self.place = Place::Foreign;
            return &bytes[end..];
        };
        self.leading = false;
        self.buffer.clear();
        self.place = Place::Text(at);
        // A newline here ends an empty line.
        &bytes[end + usize::from(bytes[end] == b' ')..]
    }

    /// The tail of a cut line may look like a line itself; but whole lines are
    /// never older than what was asked for.
    fn is_asked_for(&self, at: DateTime<Utc>) -> bool {
        !self.leading || self.since.is_none_or(|since| at >= since)
    }

    fn text<'a>(
        &mut self,
        bytes: &'a [u8],
        at: DateTime<Utc>,
        sink: &mut impl FnMut(Parsed),
    ) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let room = self.passed_on + MAX_LINE_BYTES - self.buffer.len();
        let fits = text.len().min(room);
        self.buffer.extend_from_slice(&text[..fits]);
        if fits < text.len() {
            sink(Parsed::Line(self.cut_line(at)));
            return &bytes[fits..];
        }
        let Some(end) = end else {
            return &[];
        };
        let output = self.records.take_off(&mut self.buffer);
        let on_a_line = !self.buffer.is_empty();
        if output.is_none() || on_a_line {
            sink(Parsed::Line(self.end_line(at)));
        }
        if let Some(output) = output {
            sink(Parsed::Record { output, on_a_line });
        }
        self.place = Place::Stamp;
        &bytes[end + 1..]
    }

    /// The next part of a line that is too long. What could still become hidden
    /// by what follows, or be of a record, stays.
    fn cut_line(&mut self, at: DateTime<Utc>) -> LogLine {
        let reach = self.masks.reach().max(self.records.reach());
        let end = self.buffer.len() - reach;
        let part = self.masks.apply(&self.buffer, self.passed_on..end);
        self.buffer.drain(..end.saturating_sub(reach));
        self.passed_on = self.buffer.len() - reach;
        line(at, part, true)
    }

    /// The line, or the last part of it.
    fn end_line(&mut self, at: DateTime<Utc>) -> LogLine {
        let shown = self.passed_on..self.buffer.len();
        let text = self.masks.apply(&self.buffer, shown);
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES);
        self.passed_on = 0;
        line(at, text, false)
    }

    fn foreign<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Parsed)) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let limit = MAX_FOREIGN_BYTES + self.masks.reach();
        let fits = text.len().min(limit.saturating_sub(self.buffer.len()));
        self.buffer.extend_from_slice(&text[..fits]);
        let Some(end) = end else {
            return &[];
        };
        self.place = Place::Stamp;
        if let Some(text) = self.end_foreign() {
            sink(Parsed::Foreign(text));
        }
        &bytes[end + 1..]
    }

    /// The text without an instant, which may be of a program's line.
    fn end_foreign(&mut self) -> Option<String> {
        let shown = self.buffer.len().min(MAX_FOREIGN_BYTES);
        let text = self.masks.apply(&self.buffer, 0..shown);
        self.buffer.clear();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

fn is_stamp_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b'+' | b'T' | b'Z')
}

fn line(at: DateTime<Utc>, bytes: Vec<u8>, continued: bool) -> LogLine {
    LogLine {
        at,
        continued,
        gap_before: false,
        bytes,
    }
}

fn parse_stamp(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.to_utc())
}

#[cfg(test)]
mod tests;
