//! From the bytes of the pod-log endpoint (`timestamps=true`) to lines.
//!
//! Every line of a program begins with the instant at which the node received
//! it. Text without one is never the program's: it is an error message that
//! the node wrote into a 200 answer or, at the start of a resumed read, the
//! tail of a long line that began before.

use chrono::{DateTime, Utc};
use store::logs::{LogLine, MAX_LINE_BYTES};

/// `2026-11-23T14:00:00.000000000+00:00` and room to spare.
const MAX_STAMP_BYTES: usize = 40;
/// Of text that is not the program's, as much as helps to find the cause.
const MAX_FOREIGN_BYTES: usize = 1024;

/// Something read from the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A line of the program, or a part of one that is too long.
    Line(LogLine),
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

/// Cuts a byte stream into lines; memory stays below [`MAX_LINE_BYTES`].
#[derive(Debug)]
pub struct LineParser {
    place: Place,
    buffer: Vec<u8>,
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
    pub fn new(since: Option<DateTime<Utc>>) -> Self {
        Self {
            place: Place::Stamp,
            buffer: Vec::new(),
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
    pub fn rest(self) -> Rest {
        match self.place {
            Place::Text(at) => Rest::Line(line(at, self.buffer, false)),
            Place::Stamp if self.buffer.is_empty() => Rest::Nothing,
            Place::Stamp if self.buffer.iter().copied().all(is_stamp_byte) => Rest::CutStamp,
            Place::Stamp | Place::Foreign => {
                foreign(&self.buffer).map_or(Rest::Nothing, Rest::Foreign)
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
        let fits = text.len().min(MAX_LINE_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&text[..fits]);
        if fits < text.len() {
            let part = std::mem::take(&mut self.buffer);
            sink(Parsed::Line(line(at, part, true)));
            return &bytes[fits..];
        }
        let Some(end) = end else {
            return &[];
        };
        sink(Parsed::Line(line(
            at,
            std::mem::take(&mut self.buffer),
            false,
        )));
        self.place = Place::Stamp;
        &bytes[end + 1..]
    }

    fn foreign<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Parsed)) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let fits = text
            .len()
            .min(MAX_FOREIGN_BYTES.saturating_sub(self.buffer.len()));
        self.buffer.extend_from_slice(&text[..fits]);
        let Some(end) = end else {
            return &[];
        };
        self.place = Place::Stamp;
        if let Some(text) = foreign(&std::mem::take(&mut self.buffer)) {
            sink(Parsed::Foreign(text));
        }
        &bytes[end + 1..]
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

fn foreign(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn parse_stamp(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.to_utc())
}

#[cfg(test)]
mod tests;
