//! Where a writer stands, and what lines make of that.

use chrono::{DateTime, Utc};

use super::chunk::{Chunk, framed};
use super::digest::Digest;
use super::gap::{GAPS_MAX, Gap};
use super::{Keep, LeftOut, LogLine, Stream, StreamKey};

/// Where a writer stands in its stream. A value: an append gives the next one,
/// to be kept only when its transaction was committed.
#[derive(Debug, Clone)]
pub struct Writer {
    pub(super) key: StreamKey,
    pub(super) epoch: i64,
    pub(super) next_seq: i64,
    /// Whether lines are missing, as the stream says already.
    pub(super) is_partial: bool,
    /// How many gaps are recorded.
    recorded_gaps: usize,
    pub(super) left_out: Option<LeftOut>,
    /// Bytes that are kept, with what frames cost.
    kept: i64,
    /// `None` if it is not known of all lines.
    pub(super) digest: Option<Digest>,
    /// The last chunk, which is rewritten until it is full.
    chunk: Option<Chunk>,
    last_at: Option<DateTime<Utc>>,
}

impl Writer {
    /// Of a stream that has no lines yet.
    pub(super) fn first(key: StreamKey) -> Self {
        Self {
            key,
            epoch: 1,
            next_seq: 0,
            is_partial: false,
            recorded_gaps: 0,
            left_out: None,
            kept: 0,
            digest: Some(Digest::default()),
            chunk: None,
            last_at: None,
        }
    }

    /// Of a stream that ends with this chunk, whose last line has this instant.
    pub(super) fn of(
        key: StreamKey,
        stream: &Stream,
        last: Option<(Chunk, DateTime<Utc>)>,
        digest: Option<&[u8]>,
    ) -> Self {
        let (chunk, last_at) = last.unzip();
        let gone = stream.left_out.as_ref();
        let gone = gone.map_or(0, |gone| framed(gone.lines(), gone.bytes));
        Self {
            key,
            epoch: stream.epoch,
            next_seq: stream.next_seq,
            is_partial: stream.message.is_some(),
            recorded_gaps: stream.gaps.0.len(),
            left_out: stream.left_out.clone(),
            kept: framed(stream.next_seq, stream.bytes) - gone,
            digest: Digest::restore(digest, stream.next_seq),
            chunk,
            last_at,
        }
    }

    /// The epoch this writer holds.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Number of the next line, so also how many are stored.
    pub fn next_seq(&self) -> i64 {
        self.next_seq
    }

    /// Instant of the last stored line.
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.last_at
    }

    /// What was left out so far.
    pub fn left_out(&self) -> Option<&LeftOut> {
        self.left_out.as_ref()
    }

    /// Whether so much more is kept than should be that leaving it out is worth it.
    pub fn exceeds(&self, keep: Keep) -> bool {
        self.kept > keep.limit()
    }

    /// The writer after `removed` bytes of chunks were left out.
    pub(super) fn without(&self, left_out: LeftOut, removed: i64) -> Self {
        Self {
            is_partial: true,
            left_out: Some(left_out),
            kept: self.kept - removed,
            // It would be that of lines which nobody can read.
            digest: None,
            ..self.clone()
        }
    }

    /// The writer after `lines`, the chunks that differ, and the gaps to be recorded.
    pub(super) fn after(&self, lines: &[LogLine]) -> (Self, Vec<Chunk>, Vec<Gap>) {
        let mut next = self.clone();
        let (mut filled, mut gaps) = (Vec::new(), Vec::new());
        next.chunk = next.chunk.filter(|chunk| chunk.takes(lines));
        for line in lines {
            if line.gap_before && next.recorded_gaps < GAPS_MAX {
                next.recorded_gaps += 1;
                gaps.push(Gap {
                    before_seq: next.next_seq,
                    after: next.last_at,
                    until: line.at,
                });
            }
            if let Some(digest) = &mut next.digest {
                digest.push(line);
            }
            match &mut next.chunk {
                Some(chunk) if !chunk.is_full() => chunk.push(line),
                chunk => {
                    let started = Chunk::starting_with(next.next_seq, line);
                    filled.extend(chunk.replace(started));
                }
            }
            next.next_seq += 1;
            next.last_at = Some(line.at);
            next.is_partial |= line.gap_before;
            let bytes = i64::try_from(line.bytes.len()).unwrap_or(i64::MAX);
            next.kept += framed(1, bytes);
        }
        // A chunk that was full before is as it was.
        filled.retain(|chunk| chunk.first_seq + i64::from(chunk.lines) > self.next_seq);
        filled.extend(next.chunk.clone());
        (next, filled, gaps)
    }
}
