//! Reads an exec's log page by page: memory stays small however long the log
//! is, and no connection is held while a slow client takes its time.
//!
//! A client that waits for an exec's end and then asks for its log means all of
//! it, but a log is sealed a moment after the exec has ended. So the answer is
//! put off until then, for [`SEAL_WAIT`] at most; the header `X-Log-Complete`
//! says `true` if the exec has ended and every line that its node kept is there.

pub mod body;
pub mod completeness;
pub mod http;
pub mod lines;
pub mod selection;
pub mod window;

use std::time::Duration;
use std::vec;

use shared_types::{ExecId, JobId};
use store::access::Access;
use store::events::{self, ExecEventEntry};
use store::execs::Exec;
use store::logs::{self, PageLimits, Span, Stream, StreamKey};
use tokio::time::Instant;

use self::completeness::Completeness;
use self::lines::{Format, LineWriter, Part, arrange};
use self::selection::Selection;
use self::window::Window;
use crate::context::Context;
use crate::execs;
use crate::reply::error::ApiError;

const PAGE: PageLimits = PageLimits {
    lines: 2_000,
    bytes: 256 * 1024,
};

/// How long an answer waits for the log of an ended exec to be sealed.
const SEAL_WAIT: Duration = Duration::from_secs(5);

/// How often it looks; nobody announces a seal.
const SEAL_CHECK: Duration = Duration::from_millis(100);

/// A log being read. What is printed after its stretch was read is for the
/// next request.
#[derive(Debug)]
pub struct LogReader {
    context: Context,
    exec: ExecId,
    window: Window,
    parts: vec::IntoIter<Part>,
    /// The attempt whose program is being read, and where.
    reading: Option<(i32, Span)>,
    lines: LineWriter,
    ended: bool,
    completeness: Completeness,
    ends_mid_line: bool,
}

/// Starts reading the log of an exec of the caller's.
pub async fn open(
    context: &Context,
    ids: (JobId, ExecId),
    (selection, format): (Selection, Format),
) -> Result<LogReader, ApiError> {
    let (_, exec) = execs::get(context, Access::Read, ids).await?;
    if selection
        .attempt
        .is_some_and(|only| i64::from(only) > i64::from(exec.attempt))
    {
        return Err(ApiError::NotFound);
    }
    let window = selection.window;
    let outline = wait_for_seal(context, &exec, selection).await?;
    let mut parts = arrange(outline.timeline, &outline.streams, window);
    if let Some(count) = selection.tail {
        keep_last(context, (exec.id, window), &mut parts, count).await?;
    }
    Ok(LogReader {
        context: context.clone(),
        exec: exec.id,
        window,
        parts: parts.into_iter(),
        reading: None,
        lines: LineWriter::new(format),
        ended: false,
        completeness: outline.completeness,
        ends_mid_line: outline.streams.iter().any(|stream| stream.ends_mid_line),
    })
}

fn span(Window { since, until }: Window, from_seq: i64) -> Span {
    Span {
        from_seq,
        since,
        until,
    }
}

/// Takes away what comes before the last `count` lines.
async fn keep_last(
    context: &Context,
    (exec, window): (ExecId, Window),
    parts: &mut Vec<Part>,
    count: u32,
) -> Result<(), ApiError> {
    let mut conn = context.connection().await?;
    let mut missing = usize::try_from(count).unwrap_or(usize::MAX);
    for index in (0..parts.len()).rev() {
        if missing == 0 {
            parts.drain(..=index);
            break;
        }
        match &mut parts[index] {
            Part::Platform { .. } => missing -= 1,
            Part::Program { attempt, from_seq } => {
                let key = StreamKey {
                    exec,
                    attempt: *attempt,
                };
                let found;
                (*from_seq, found) = logs::tail(&mut conn, key, span(window, 0), missing).await?;
                missing -= found;
            }
        }
    }
    Ok(())
}

/// What there is of a log.
struct Outline {
    timeline: Vec<ExecEventEntry>,
    streams: Vec<Stream>,
    completeness: Completeness,
}

/// Waits a little for the log of an ended exec to be sealed.
async fn wait_for_seal(
    context: &Context,
    exec: &Exec,
    selection: Selection,
) -> Result<Outline, ApiError> {
    let deadline = Instant::now() + SEAL_WAIT;
    loop {
        let outline = outline(context, exec, selection).await?;
        if outline.completeness != Completeness::Settling || Instant::now() >= deadline {
            return Ok(outline);
        }
        tokio::time::sleep(SEAL_CHECK).await;
    }
}

async fn outline(
    context: &Context,
    exec: &Exec,
    selection: Selection,
) -> Result<Outline, ApiError> {
    let mut conn = context.connection().await?;
    let mut timeline = events::list(&mut conn, exec.id).await?;
    let mut streams = logs::list(&mut conn, exec.id).await?;
    timeline.retain(|event| selection.holds(event.attempt));
    streams.retain(|stream| selection.holds(stream.attempt));
    // An attempt that another one followed has ended.
    let is_over = exec.state.is_terminal() || !selection.holds(exec.attempt);
    Ok(Outline {
        completeness: Completeness::of(is_over, &timeline, &streams),
        timeline,
        streams,
    })
}

impl LogReader {
    /// Whether the exec has ended and every line that its node kept is there.
    pub fn is_complete(&self) -> bool {
        self.completeness == Completeness::Whole
    }

    /// Whether a program's last line, of any attempt, had no newline.
    pub fn ends_mid_line(&self) -> bool {
        self.ends_mid_line
    }

    /// The next block of the JSON array; `None` after its end.
    pub async fn step(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        while !self.ended {
            if let Some((attempt, span)) = self.reading {
                self.read_page(attempt, span).await?;
                return Ok(Some(self.lines.take()));
            }
            match self.parts.next() {
                Some(Part::Platform { at, message }) => {
                    self.lines
                        .push(at, &message)
                        .map_err(|error| ApiError::Internal(error.into()))?;
                }
                Some(Part::Program { attempt, from_seq }) => {
                    self.reading = Some((attempt, span(self.window, from_seq)));
                }
                None => {
                    self.lines.close();
                    self.ended = true;
                    return Ok(Some(self.lines.take()));
                }
            }
        }
        Ok(None)
    }

    async fn read_page(&mut self, attempt: i32, span: Span) -> Result<(), ApiError> {
        // A slow client may take hours, in which its token may have been revoked.
        self.context
            .gateway
            .tokens
            .recheck(&self.context.caller)
            .await?;
        let key = StreamKey {
            exec: self.exec,
            attempt,
        };
        let page = {
            let mut conn = self.context.connection().await?;
            logs::read(&mut conn, key, span, PAGE).await?
        };
        for numbered in &page.lines {
            self.lines
                .push_program(&numbered.line)
                .map_err(|error| ApiError::Internal(error.into()))?;
        }
        self.reading = page.more.then_some((
            attempt,
            Span {
                from_seq: page.next_seq,
                ..span
            },
        ));
        Ok(())
    }
}
