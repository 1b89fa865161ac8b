//! One connection's lines into the database: parse, align, batch, append.
//!
//! Memory advances only with a commit. After an error nobody knows whether the
//! last append was done, so a transfer that failed is thrown away with what it
//! held and the next one aligns with what is stored.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{AsyncBufRead, AsyncBufReadExt};
use store::logs::{self, Append, Keep, LogLine, StreamKey, Writer};
use store::{AsyncConnection, Store, StoreError};
use tokio::time::{Instant, sleep_until};

use crate::alignment::{Alignment, Standing, resume_point};
use crate::batch::Batch;
use crate::leap::Leaps;
use crate::line::{LineParser, Parsed, Rest};
use crate::masking::Masks;
use crate::proof::{Proof, Records, Witness};
use crate::tail::TailContext;

/// How a [`Transfer::pump`] ended.
#[derive(Debug)]
pub enum Pumped {
    /// The server ended the answer as if all was well.
    Eof,
    /// The connection broke.
    Cut(io::Error),
    /// The caller asked to stop.
    Interrupted,
    /// Lines may have been passed over: a new read tells.
    Leapt,
    /// The stream is no longer this writer's.
    Fenced,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// All lines so far are stored.
    Written,
    /// The stream is no longer this writer's; nothing was stored.
    Fenced,
}

/// What holds for an exec's output; the same for all reads of a stream, or lines are not
/// recognised.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What is hidden.
    pub masks: Arc<Masks>,
    /// What its end is proved by.
    pub records: Records,
    /// What is kept.
    pub keep: Keep,
}

/// A read or follow in progress.
pub struct Transfer {
    store: Store,
    flush_after: Duration,
    since: Option<DateTime<Utc>>,
    keep: Keep,
    writer: Writer,
    alignment: Alignment,
    parser: LineParser,
    batch: Batch,
    new_lines: u64,
    programs_lines: u64,
    leaps: Option<Leaps>,
    leapt: bool,
    witness: Witness,
    foreign: Option<String>,
}

/// What a transfer came to.
#[derive(Debug)]
pub struct Transferred {
    /// Where the stream is now.
    pub writer: Writer,
    /// Lines that were not stored before.
    pub new_lines: u64,
    /// Whether all lines that were stored before were seen.
    pub passed: bool,
    /// Whether it stopped where no answer can end.
    pub cut: bool,
    /// A last line without a newline; not stored.
    pub unfinished: Option<LogLine>,
    /// Whether the program's end was seen.
    pub proof: Proof,
    /// Text of the node instead of the program's.
    pub foreign: Option<String>,
}

impl Transfer {
    /// Prepares to go on where the stream ends: reads what is stored since the
    /// point to resume from. `first` is how a stream without lines is aligned.
    pub async fn prepare(
        context: &TailContext,
        key: StreamKey,
        writer: Writer,
        terms: Terms,
        first: Alignment,
    ) -> Result<Self, StoreError> {
        let since = writer.last_at().map(resume_point);
        let mut alignment = since.map_or(first, |_| Alignment::default());
        if let Some(since) = since {
            let mut conn = context.store.connection().await?;
            let first = writer.left_out().map_or(0, |left_out| left_out.until_seq);
            if writer.left_out().is_some_and(|it| it.until >= since) {
                alignment.begin_late();
            }
            let expect = |seq, line: LogLine| {
                if seq >= first {
                    alignment.expect(&line);
                }
            };
            logs::visit_since(&mut conn, key, since, expect).await?;
        }
        Ok(Self {
            store: context.store.clone(),
            flush_after: context.config.flush_after,
            since,
            keep: terms.keep,
            writer,
            alignment,
            witness: Witness::new(&terms.records),
            parser: LineParser::new(since, terms.masks, terms.records),
            batch: Batch::default(),
            new_lines: 0,
            programs_lines: 0,
            leaps: None,
            leapt: false,
            foreign: None,
        })
    }

    /// Says that the answer may go on with another file of the log; a plain read has one.
    pub fn may_leap(&mut self) {
        self.leaps = Some(Leaps::default());
    }

    /// What to ask the endpoint for.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// Reads until the answer ends or `interrupt` resolves. Lines that are not
    /// stored then are, by [`Self::flush`].
    pub async fn pump<R>(
        &mut self,
        mut reader: R,
        interrupt: impl Future<Output = ()>,
    ) -> Result<Pumped, StoreError>
    where
        R: AsyncBufRead + Unpin,
    {
        let mut interrupt = pin!(interrupt);
        loop {
            let due = self.batch.began().map(|began| began + self.flush_after);
            tokio::select! {
                biased;
                () = &mut interrupt => return Ok(Pumped::Interrupted),
                () = until(due) => {}
                read = reader.fill_buf() => match read {
                    Ok([]) => return Ok(Pumped::Eof),
                    Ok(bytes) => {
                        let length = bytes.len();
                        self.take(bytes);
                        reader.consume_unpin(length);
                        if self.leapt {
                            return Ok(Pumped::Leapt);
                        }
                    }
                    Err(error) => return Ok(Pumped::Cut(error)),
                },
            }
            if self.batch.is_due(self.flush_after) && self.flush().await? == Flushed::Fenced {
                return Ok(Pumped::Fenced);
            }
        }
    }

    /// Stores what is not stored yet, and leaves out what then is more than is kept.
    pub async fn flush(&mut self) -> Result<Flushed, StoreError> {
        let Some(began) = self.batch.began() else {
            return Ok(Flushed::Written);
        };
        let (writer, lines) = (&self.writer, self.batch.lines());
        let mut conn = self.store.connection().await?;
        let append = logs::append(&mut conn, writer, lines).await?;
        let Append::Written(writer) = append else {
            return Ok(Flushed::Fenced);
        };
        self.writer = writer;
        record(lines, began);
        self.batch.clear();
        if !self.writer.exceeds(self.keep) {
            return Ok(Flushed::Written);
        }
        let (writer, keep) = (&self.writer, self.keep);
        let trim = conn
            .transaction::<_, StoreError, _>(async |conn| logs::trim(conn, writer, keep).await)
            .await?;
        let Append::Written(writer) = trim else {
            return Ok(Flushed::Fenced);
        };
        self.writer = writer;
        metrics::counter!("escapement_log_trims_total").increment(1);
        Ok(Flushed::Written)
    }

    /// Ends a transfer whose lines are flushed.
    pub fn end(mut self) -> Transferred {
        let rest = self.parser.rest();
        if let Rest::Line(_) = rest {
            self.witness.line();
        }
        let foreign = match &rest {
            Rest::Foreign(text) => self.foreign.or_else(|| Some(text.clone())),
            _ => self.foreign,
        };
        Transferred {
            writer: self.writer,
            new_lines: self.new_lines,
            passed: self.alignment.is_passed(),
            cut: rest == Rest::CutStamp,
            unfinished: match rest {
                Rest::Line(line) => Some(line),
                _ => None,
            },
            proof: self.witness.proof(),
            foreign,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Self {
            parser,
            alignment,
            batch,
            new_lines,
            programs_lines,
            leaps,
            leapt,
            witness,
            foreign,
            since,
            ..
        } = self;
        let now = Utc::now();
        parser.feed(bytes, &mut |parsed| match parsed {
            Parsed::Line(mut line) => {
                // Before the first line of a resumed read, it was the tail of a
                // line that began earlier.
                if *programs_lines == 0 && since.is_some() {
                    *foreign = None;
                }
                *programs_lines += 1;
                witness.line();
                let standing = alignment.place(&line);
                if standing != Standing::Known {
                    if let Some(leaps) = leaps {
                        *leapt |= leaps.is_leap(line.at, line.bytes.len(), now);
                    }
                    if *leapt {
                        return;
                    }
                    line.gap_before = standing == Standing::NewAfterGap;
                    *new_lines += 1;
                    batch.push(line);
                }
            }
            Parsed::Record { output, on_a_line } => witness.record(output, on_a_line),
            Parsed::Foreign(text) => {
                foreign.get_or_insert(text);
            }
        });
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

fn record(lines: &[LogLine], began: Instant) {
    let bytes: usize = lines.iter().map(|line| line.bytes.len()).sum();
    let gaps = lines.iter().filter(|line| line.gap_before).count();
    metrics::counter!("escapement_log_lines_total").increment(lines.len() as u64);
    metrics::counter!("escapement_log_bytes_total").increment(bytes as u64);
    metrics::counter!("escapement_log_gaps_total").increment(gaps as u64);
    metrics::histogram!("escapement_log_flush_lag_seconds").record(began.elapsed().as_secs_f64());
}
