//! A chunk: lines framed one after the other, then compressed as a whole.
//!
//! A frame is seconds (`i64`), nanoseconds (`u32`), flags (`u8`), length
//! (`u32`), all little-endian, then the bytes. Stored data: frames and flags
//! are added, never changed.

use std::io;

use chrono::{DateTime, Utc};

use super::LogLine;

/// A chunk takes lines until its frames have this size; then the next begins.
/// Large enough to compress well, small enough that rewriting the last one on
/// every flush, which keeps a slow printer from making thousands, is cheap. A fast
/// printer's lines fill a chunk at once: one that is half full and has no room for
/// them stays as it is.
pub const CHUNK_TARGET_BYTES: usize = 64 * 1024;
/// So much of [`LogLine::framed_bytes`] is worth an append of its own: one costs a commit,
/// whatever is in it. It fills chunks that need not be written again.
pub const BATCH_TARGET_BYTES: usize = 4 * CHUNK_TARGET_BYTES;
/// No line is longer; a longer one is cut into parts that say `continued`.
pub const MAX_LINE_BYTES: usize = 256 * 1024;

/// Higher levels cost time and save no space worth it on log text (measured:
/// level 3 is 16 % slower for nothing, level 9 five times for 7 %).
const ZSTD_LEVEL: i32 = 1;
/// Bytes of a frame beside those of its line.
const FRAME_BYTES: usize = 8 + 4 + 1 + 4;
const CONTINUED: u8 = 1;
const GAP_BEFORE: u8 = 2;

/// What so many lines with so many bytes take in chunks.
pub(super) const fn framed(lines: i64, bytes: i64) -> i64 {
    #[expect(clippy::cast_possible_wrap, reason = "a small constant")]
    const FRAME: i64 = FRAME_BYTES as i64;
    bytes + lines * FRAME
}

impl LogLine {
    /// What it takes in a chunk, before that is compressed.
    pub fn framed_bytes(&self) -> usize {
        FRAME_BYTES + self.bytes.len()
    }
}

/// A chunk under construction: whole and uncompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) first_seq: i64,
    pub(crate) lines: i32,
    /// Earliest and latest instant: not of the first and last line, because
    /// the two outputs of a program are stamped independently.
    pub(crate) first_at: DateTime<Utc>,
    pub(crate) last_at: DateTime<Utc>,
    pub(crate) raw: Vec<u8>,
}

impl Chunk {
    pub(crate) fn starting_with(first_seq: i64, line: &LogLine) -> Self {
        let mut chunk = Self {
            first_seq,
            lines: 0,
            first_at: line.at,
            last_at: line.at,
            raw: Vec::new(),
        };
        chunk.push(line);
        chunk
    }

    pub(crate) fn push(&mut self, line: &LogLine) {
        let flags = if line.continued { CONTINUED } else { 0 }
            | if line.gap_before { GAP_BEFORE } else { 0 };
        let length = line.bytes.len().min(MAX_LINE_BYTES);
        debug_assert_eq!(
            length,
            line.bytes.len(),
            "a line must be cut before it is stored"
        );
        self.raw
            .extend_from_slice(&line.at.timestamp().to_le_bytes());
        self.raw
            .extend_from_slice(&line.at.timestamp_subsec_nanos().to_le_bytes());
        self.raw.push(flags);
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_LINE_BYTES")]
        self.raw.extend_from_slice(&(length as u32).to_le_bytes());
        self.raw.extend_from_slice(&line.bytes[..length]);
        self.lines += 1;
        self.first_at = self.first_at.min(line.at);
        self.last_at = self.last_at.max(line.at);
    }

    /// Whether it is worth its rewriting to add these lines.
    pub(crate) fn takes(&self, lines: &[LogLine]) -> bool {
        let added = lines.iter().map(LogLine::framed_bytes);
        self.raw.len() < CHUNK_TARGET_BYTES / 2
            || self.raw.len() + added.sum::<usize>() <= CHUNK_TARGET_BYTES
    }

    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= CHUNK_TARGET_BYTES
    }

    pub(crate) fn compress(&self) -> io::Result<Vec<u8>> {
        zstd::bulk::compress(&self.raw, ZSTD_LEVEL)
    }
}

/// Undoes [`Chunk::compress`]; `raw_bytes` is the size that was stored with it.
pub(crate) fn decompress(data: &[u8], raw_bytes: usize) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(data, raw_bytes)
}

/// A line as it stands in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) at: DateTime<Utc>,
    flags: u8,
    pub(crate) bytes: &'a [u8],
}

impl Frame<'_> {
    pub(crate) fn to_line(self) -> LogLine {
        LogLine {
            at: self.at,
            continued: self.flags & CONTINUED != 0,
            gap_before: self.flags & GAP_BEFORE != 0,
            bytes: self.bytes.to_vec(),
        }
    }
}

/// The lines of an uncompressed chunk, in order.
pub(crate) fn lines(mut raw: &[u8]) -> impl Iterator<Item = io::Result<Frame<'_>>> {
    std::iter::from_fn(move || {
        if raw.is_empty() {
            return None;
        }
        let frame = take_frame(&mut raw).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData));
        if frame.is_err() {
            raw = &[];
        }
        Some(frame)
    })
}

fn take_frame<'a>(raw: &mut &'a [u8]) -> Option<Frame<'a>> {
    let seconds = i64::from_le_bytes(take(raw)?);
    let nanos = u32::from_le_bytes(take(raw)?);
    let [flags] = take(raw)?;
    let length = usize::try_from(u32::from_le_bytes(take(raw)?)).ok()?;
    let (bytes, rest) = raw.split_at_checked(length)?;
    *raw = rest;
    Some(Frame {
        at: DateTime::from_timestamp(seconds, nanos)?,
        flags,
        bytes,
    })
}

fn take<const N: usize>(raw: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = raw.split_first_chunk::<N>()?;
    *raw = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn line()(
            seconds in -62_000_000_000_i64..250_000_000_000,
            nanos in 0_u32..1_000_000_000,
            continued: bool,
            gap_before: bool,
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) -> LogLine {
            let at = DateTime::from_timestamp(seconds, nanos).unwrap();
            LogLine { at, continued, gap_before, bytes }
        }
    }

    proptest! {
        #[test]
        fn what_was_framed_reads_back(written in prop::collection::vec(line(), 1..60)) {
            let mut chunk = Chunk::starting_with(7, &written[0]);
            for line in &written[1..] {
                chunk.push(line);
            }
            let data = chunk.compress().unwrap();
            let raw = decompress(&data, chunk.raw.len()).unwrap();
            let read: Vec<LogLine> = lines(&raw).map(|line| line.unwrap().to_line()).collect();
            prop_assert_eq!(usize::try_from(chunk.lines).unwrap(), written.len());
            prop_assert_eq!(Some(chunk.first_at), written.iter().map(|line| line.at).min());
            prop_assert_eq!(Some(chunk.last_at), written.iter().map(|line| line.at).max());
            prop_assert_eq!(read, written);
        }

        #[test]
        fn cut_frames_are_an_error_and_no_panic(written in line(), cut in 1_usize..17) {
            let chunk = Chunk::starting_with(0, &written);
            let raw = &chunk.raw[..chunk.raw.len() - cut.min(chunk.raw.len() - 1)];
            let read: Vec<_> = lines(raw).collect();
            prop_assert!(read.last().unwrap().is_err());
        }
    }

    #[test]
    fn a_stored_frame_never_changes() {
        let line = LogLine {
            at: DateTime::from_timestamp(1, 2).unwrap(),
            continued: true,
            gap_before: true,
            bytes: b"a\0\xff".to_vec(),
        };
        let chunk = Chunk::starting_with(0, &line);
        assert_eq!(chunk.raw.len(), FRAME_BYTES + line.bytes.len());
        let golden = b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x03\x03\0\0\0a\0\xff";
        assert_eq!(chunk.raw, golden);
    }
}
