//! Reads an exec's log piece by piece: memory stays small however long the log
//! is, and no connection is held while a slow client takes its time.
//!
//! A client that waits for an exec's end and then asks for its log means all of
//! it, but a log is sealed a moment after the exec has ended. So the answer is
//! put off until then, for five seconds at most; the header `X-Log-Complete`
//! says `true` if the exec has ended and every line that its node kept is there.

pub mod body;
pub mod completeness;
pub mod entry;
pub mod follow;
pub mod followers;
pub mod http;
pub mod lines;
pub mod outline;
pub mod page;
pub mod patterns;
pub mod position;
pub mod schema;
pub mod seal;
pub mod search;
pub mod selection;
mod tail;
pub mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::vec;

use shared_types::{ExecId, JobId};
use store::access::Access;
use store::execs::Exec;
use store::logs::{self, Filter, Gap, LeftOut, PageLimits, Stream, StreamKey};

use self::completeness::Completeness;
use self::entry::{Entry, gap_mark, left_out_mark};
use self::lines::{Content, Part, arrange};
use self::outline::Outline;
use self::position::Position;
use self::selection::Selection;
use crate::context::Context;
use crate::execs;
use crate::reply::error::ApiError;

/// What is read at a time.
const STEP: PageLimits = PageLimits {
    lines: 2_000,
    bytes: 256 * 1024,
    scan: 1024 * 1024,
};

/// A log being read. What is printed after its stretch was read is for the
/// next request.
#[derive(Debug)]
pub struct LogReader {
    context: Context,
    exec: ExecId,
    filter: Arc<Filter>,
    programs_only: bool,
    parts: vec::IntoIter<Part>,
    /// The attempt whose program is being read, and its next line.
    reading: Option<(i32, i64)>,
    /// The last attempt that has a stream, if that is not sealed.
    open: Option<i32>,
    /// What is known of places where lines may be missing, by attempt and the next line.
    gaps: HashMap<(i32, i64), Gap>,
    position: Position,
    scanned: usize,
    completeness: Completeness,
    ends_mid_line: bool,
}

/// Starts reading the log of an exec of the caller's.
pub async fn open(
    context: &Context,
    ids: (JobId, ExecId),
    selection: &Selection,
) -> Result<LogReader, ApiError> {
    let exec = exec_of(context, ids, selection).await?;
    let outline = Outline::settled(context, &exec, selection).await?;
    LogReader::begin(context, exec.id, outline, selection).await
}

/// An exec of the caller's that has the attempt that is wanted.
async fn exec_of(
    context: &Context,
    ids: (JobId, ExecId),
    selection: &Selection,
) -> Result<Exec, ApiError> {
    let (_, exec) = execs::get(context, Access::Read, ids).await?;
    match selection.attempt {
        Some(only) if i64::from(only) > i64::from(exec.attempt) => Err(ApiError::NotFound),
        _ => Ok(exec),
    }
}

impl LogReader {
    /// Stands where the selection begins.
    async fn begin(
        context: &Context,
        exec: ExecId,
        outline: Outline,
        selection: &Selection,
    ) -> Result<Self, ApiError> {
        let mut log = Self {
            context: context.clone(),
            exec,
            filter: Arc::clone(&selection.filter),
            programs_only: selection.programs_only,
            parts: Vec::new().into_iter(),
            reading: None,
            open: None,
            gaps: HashMap::new(),
            position: selection.from.unwrap_or_default(),
            scanned: 0,
            completeness: outline.completeness,
            ends_mid_line: false,
        };
        log.resume(outline);
        if let Some(count) = selection.tail.filter(|_| selection.from.is_none()) {
            log.keep_last(count).await?;
        }
        Ok(log)
    }

    /// Reads on where it stands, in what there is now.
    fn resume(&mut self, outline: Outline) {
        self.completeness = outline.completeness;
        self.ends_mid_line = outline.streams.iter().any(|stream| stream.ends_mid_line);
        let of = |stream: &Stream| {
            let attempt = stream.attempt;
            let gaps = stream.gaps.0.clone().into_iter();
            gaps.map(move |gap| ((attempt, gap.before_seq), gap))
        };
        self.gaps = outline.streams.iter().flat_map(of).collect();
        let last = outline.streams.last();
        let open = last.filter(|stream| stream.sealed_at.is_none());
        self.open = open.map(|stream| stream.attempt);
        let (events, streams) = (outline.timeline, &outline.streams);
        let mut parts = arrange(events, streams, &self.filter, self.position);
        if self.programs_only {
            parts.retain(|part| matches!(part.content, Content::Program { .. }));
        }
        self.parts = parts.into_iter();
    }

    /// Reads on in the last attempt's output, if it is open.
    fn read_on(&mut self) -> bool {
        let from_seq = |attempt| Some((attempt, self.position.from_seq(attempt)?));
        let reading = self.open.and_then(from_seq);
        self.reading = self.reading.or(reading);
        reading.is_some()
    }

    fn stream(&self, attempt: i32) -> StreamKey {
        StreamKey {
            exec: self.exec,
            attempt,
        }
    }

    /// Whether the exec has ended and every line that its node kept is there.
    pub fn is_complete(&self) -> bool {
        self.completeness == Completeness::Whole
    }

    /// Whether a program's last line, of any attempt, had no newline.
    pub fn ends_mid_line(&self) -> bool {
        self.ends_mid_line
    }

    /// Whether more lines may come, now or later.
    pub fn may_go_on(&self) -> bool {
        let growing = matches!(
            self.completeness,
            Completeness::Growing | Completeness::Settling
        );
        growing || self.reading.is_some() || self.parts.len() > 0
    }

    /// How far the log is read.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Bytes that were looked at so far.
    pub fn scanned(&self) -> usize {
        self.scanned
    }

    /// The next lines, `most` at most, and none where what is sought may be further on;
    /// `None` after the last.
    pub async fn step(&mut self, most: usize) -> Result<Option<Vec<Entry>>, ApiError> {
        let mut entries = Vec::new();
        while entries.len() < most {
            if let Some((attempt, from_seq)) = self.reading {
                let most = most - entries.len();
                self.read_program((attempt, from_seq), most, &mut entries)
                    .await?;
                return Ok(Some(entries));
            }
            let Some(part) = self.parts.next() else {
                return Ok(Some(entries).filter(|entries| !entries.is_empty()));
            };
            match part.content {
                Content::Platform { at, message } => {
                    self.position = self.position.after_platform(part.attempt, part.place);
                    let after = (part.attempt, self.position);
                    entries.push(Entry::platform(at, message, after));
                }
                Content::Program { from_seq, .. } => self.reading = Some((part.attempt, from_seq)),
            }
        }
        Ok(Some(entries))
    }

    /// Says that lines were left out.
    fn mark(&mut self, attempt: i32, left_out: &LeftOut, entries: &mut Vec<Entry>) {
        self.position = self.position.before_line(attempt, left_out.until_seq);
        let (at, message) = (left_out.until, left_out_mark(left_out));
        if !self.programs_only && self.filter.passes(at, message.as_bytes()) {
            entries.push(Entry::platform(at, message, (attempt, self.position)));
        }
    }

    async fn read_program(
        &mut self,
        (attempt, from_seq): (i32, i64),
        most: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), ApiError> {
        let (key, filter) = (self.stream(attempt), Arc::clone(&self.filter));
        let limits = PageLimits {
            lines: STEP.lines.min(most),
            ..STEP
        };
        // Unpacking and matching are work for a thread that no connection waits for.
        let page = self.context.aside(move |context| async move {
            // A slow client may take hours, in which its token may have been revoked.
            context.gateway.tokens.recheck(&context.caller).await?;
            let mut conn = context.connection().await?;
            Ok(logs::read(&mut conn, key, from_seq, &filter, limits).await?)
        });
        let page = page.await?;
        let mut left_out = page.left_out.as_ref();
        for numbered in page.lines {
            let (line, before) = (numbered.line, numbered.seq);
            if let Some(passed) = left_out.take_if(|it| it.until_seq <= before) {
                self.mark(attempt, passed, entries);
            }
            if line.gap_before && !self.programs_only {
                let here = self.position.before_line(attempt, before);
                let mark = gap_mark(self.gaps.get(&(attempt, before)));
                entries.push(Entry::platform(line.at, mark, (attempt, here)));
            }
            self.position = self.position.before_line(attempt, before + 1);
            entries.push(Entry::program(line, (attempt, self.position)));
        }
        if let Some(passed) = left_out {
            self.mark(attempt, passed, entries);
        }
        self.position = self.position.before_line(attempt, page.next_seq);
        self.scanned += page.scanned;
        self.reading = page.more.then_some((attempt, page.next_seq));
        Ok(())
    }
}
