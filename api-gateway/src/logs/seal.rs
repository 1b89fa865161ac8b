//! What is known of a log that has come to its end.

use std::fmt::Write as _;

use serde::Serialize;
use shared_types::{ExecId, JobId};
use store::logs::{self, DISCARDED, Gap, LeftOut, REMOVED, Stream, StreamKey, TOO_LARGE};
use utoipa::ToSchema;

use crate::context::Context;
use crate::logs::completeness::Completeness;
use crate::logs::exec_of;
use crate::logs::outline::Outline;
use crate::logs::selection::{self, Selection};
use crate::openapi::types::{self, or_null, schemas};
use crate::read::fields::FieldError;
use crate::read::params::{Params, parameters};
use crate::read::query::Query;
use crate::reply::error::ApiError;
use crate::reply::timestamp::Timestamp;

/// Which attempt's log.
#[derive(Debug, Clone, Copy)]
pub struct SealQuery {
    attempt: Option<u32>,
}

impl SealQuery {
    /// Reads a query.
    pub fn parse(query: &Query) -> Result<Self, Vec<FieldError>> {
        Params::read(query, Self::read)
    }

    fn read(params: &mut Params<'_>) -> Self {
        Self {
            attempt: selection::attempt(params, "Number of the attempt; the last if left out"),
        }
    }
}

parameters!(SealQuery, SealQuery::read);

/// What is known of the log of an attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogSeal)]
pub struct SealView {
    /// The attempt; 0 if there was none.
    #[schema(minimum = 0)]
    attempt: u32,
    /// Lines of its program so far, with those that were left out.
    #[schema(minimum = 0)]
    lines: i64,
    /// Their bytes, without newlines.
    #[schema(minimum = 0)]
    bytes: i64,
    /// Of the program's lines, each with a newline, as `text/plain` with `platform=false`
    /// has them; `null` until the log is sealed, and if lines were left out or an older version wrote it.
    #[schema(required, schema_with = sha256)]
    sha256: Option<String>,
    /// When the log was closed for good.
    #[schema(required)]
    sealed_at: Option<Timestamp>,
    /// Whether it has ended and every line that its node kept is there.
    complete: bool,
    /// Whether the program itself has proved that these are all its lines.
    proven: bool,
    /// Whether the last line had no newline.
    ends_mid_line: bool,
    /// Where lines may be missing: the first 100 places.
    gaps: Vec<GapView>,
}

/// A place where lines may be missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogGap)]
pub struct GapView {
    /// Number of the line after it, from 0; `null` at the end.
    #[schema(required, minimum = 0)]
    before_line: Option<i64>,
    /// When the line before it was written, if there is one.
    #[schema(required)]
    after: Option<Timestamp>,
    /// When the line after it was written.
    #[schema(required)]
    until: Option<Timestamp>,
    /// How many lines are missing; `null` if nobody knows.
    #[schema(required, minimum = 1)]
    lines: Option<i64>,
    /// Their bytes, without newlines; `null` if nobody knows.
    #[schema(required, minimum = 0)]
    bytes: Option<i64>,
    /// Why.
    cause: String,
}

schemas! {
    sha256 = or_null(types::pattern("^[0-9a-f]{64}$", 64, "SHA-256", EMPTY));
}

/// SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The seal of an exec of the caller's.
pub async fn seal(
    context: &Context,
    ids: (JobId, ExecId),
    query: SealQuery,
) -> Result<SealView, ApiError> {
    let mut selection = Selection {
        attempt: query.attempt,
        ..Selection::default()
    };
    let exec = exec_of(context, ids, &selection).await?;
    let last = u32::try_from(exec.attempt).unwrap_or_default();
    let attempt = *selection.attempt.get_or_insert(last);
    let outline = Outline::settled(context, &exec, &selection).await?;
    let mut seal = SealView::new(attempt, &outline);
    if let Some(stream) = outline.streams.first()
        && stream.lines_removed_at().is_none()
        && let Some(cause) = stream.cut_off()
    {
        let key = StreamKey {
            exec: exec.id,
            attempt: stream.attempt,
        };
        let mut conn = context.connection().await?;
        seal.gaps.push(GapView {
            before_line: None,
            after: logs::last_at(&mut conn, key).await?.map(Timestamp),
            until: None,
            lines: None,
            bytes: None,
            cause: cause.to_owned(),
        });
    }
    Ok(seal)
}

impl SealView {
    fn new(attempt: u32, outline: &Outline) -> Self {
        let stream = outline.streams.first();
        let sealed = stream.filter(|stream| stream.sealed_at.is_some());
        let gaps = stream.map_or(&[][..], |stream| &stream.gaps.0);
        let mut gaps: Vec<_> = gaps.iter().map(GapView::from).collect();
        let left_out = stream.and_then(|stream| stream.left_out.as_ref());
        if let Some(stream) = stream.filter(|stream| stream.lines_removed_at().is_some()) {
            gaps = vec![GapView::of_all(stream)];
        } else if let Some(left_out) = left_out {
            // What is in it cannot be read.
            let is_inside = |seq: i64| left_out.from_seq < seq && seq < left_out.until_seq;
            gaps.retain(|gap| !gap.before_line.is_some_and(is_inside));
            gaps.push(left_out.into());
            gaps.sort_by_key(|gap| gap.before_line);
        }
        Self {
            attempt,
            lines: stream.map_or(0, |stream| stream.next_seq),
            bytes: stream.map_or(0, |stream| stream.bytes),
            sha256: sealed.and_then(|stream| stream.sha256.as_deref()).map(hex),
            sealed_at: sealed.and_then(|stream| stream.sealed_at).map(Timestamp),
            complete: outline.completeness == Completeness::Whole,
            proven: sealed.is_some_and(|stream| stream.proven),
            ends_mid_line: sealed.is_some_and(|stream| stream.ends_mid_line),
            gaps,
        }
    }
}

impl From<&Gap> for GapView {
    fn from(gap: &Gap) -> Self {
        Self {
            before_line: Some(gap.before_seq),
            after: gap.after.map(Timestamp),
            until: Some(Timestamp(gap.until)),
            lines: None,
            bytes: None,
            cause: DISCARDED.to_owned(),
        }
    }
}

impl GapView {
    /// Of a log that was removed.
    fn of_all(stream: &Stream) -> Self {
        Self {
            before_line: None,
            after: None,
            until: None,
            lines: Some(stream.next_seq),
            bytes: Some(stream.bytes),
            cause: REMOVED.to_owned(),
        }
    }
}

impl From<&LeftOut> for GapView {
    fn from(left_out: &LeftOut) -> Self {
        Self {
            before_line: Some(left_out.until_seq),
            after: left_out.after.map(Timestamp),
            until: Some(Timestamp(left_out.until)),
            lines: Some(left_out.lines()),
            bytes: Some(left_out.bytes),
            cause: TOO_LARGE.to_owned(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
