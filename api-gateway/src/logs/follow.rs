//! A log that is sent while it is written, as server-sent events: each line with the
//! position after it as its id, so that a client that comes again with `Last-Event-ID`
//! misses nothing and gets nothing twice. The last event is the exec's end.
//!
//! A client that reads slowly holds nothing but its own position: the next lines are read
//! from the database when it has room for them.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use shared_types::{ExecId, JobId};
use store::access::Access;
use store::execs::Exec;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::execs;
use crate::execs::view::ExecView;
use crate::logs::entry::{Format, LineWriter};
use crate::logs::followers::{Follower, INTERVAL, Seen};
use crate::logs::outline::Outline;
use crate::logs::position::Position;
use crate::logs::selection::Selection;
use crate::logs::{LogReader, exec_of};
use crate::read::fields::FieldError;
use crate::reply::error::{ApiError, causes};

/// After so long a silence something is sent: proxies cut what seems dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What an event stream begins with: how long a client waits before it comes again, in
/// milliseconds.
const HELLO: &[u8] = b"retry: 1000\n\n";

/// The id of the last event.
const END: &str = "end";

/// The id of the last event that a client has seen.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// What a client says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// It is new.
    Nothing,
    /// What there was before it was cut off.
    Before(Position),
    /// The end.
    Everything,
}

impl Has {
    /// As the header of a request says it.
    pub fn said(request: &HttpRequest) -> Result<Self, Vec<FieldError>> {
        let id = request.headers().get(LAST_EVENT_ID);
        match id.map_or(Ok(""), HeaderValue::to_str).unwrap_or("?") {
            "" => Ok(Self::Nothing),
            END => Ok(Self::Everything),
            id => {
                let why = "must be the id of an event of this log";
                let position = Position::parse(id).map(Self::Before);
                position.ok_or_else(|| vec![FieldError::new(LAST_EVENT_ID, why)])
            }
        }
    }
}

/// A log being followed.
#[derive(Debug)]
pub struct Follow {
    context: Context,
    ids: (JobId, ExecId),
    selection: Selection,
    follower: Follower,
    stopping: CancellationToken,
    log: LogReader,
    writer: LineWriter,
    exec: Exec,
    seen: Seen,
    next_heartbeat: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    New,
    /// Lines may come.
    Open,
    /// The end was sent.
    Ended,
}

/// Starts following the log of an exec of the caller's.
pub async fn open(
    context: &Context,
    ids: (JobId, ExecId),
    selection: Selection,
) -> Result<Follow, ApiError> {
    let exec = exec_of(context, ids, &selection).await?;
    let followers = &context.gateway.followers;
    // Before anything is read, so that whatever is written after it is heard of.
    let follower = followers.join(context.caller.account_id(), exec.id);
    let follower = follower.map_err(|limit| limit.refuse(INTERVAL))?;
    let outline = Outline::load(context, &exec, &selection).await?;
    let writer = LineWriter::new(Format::Events, selection.strip);
    let log = LogReader::begin(context, exec.id, outline.held(&exec), &selection).await?;
    Ok(Follow {
        context: context.clone(),
        ids,
        selection,
        follower,
        stopping: context.gateway.tasks.stopping(),
        log,
        writer,
        exec,
        seen: Seen::default(),
        next_heartbeat: Instant::now() + HEARTBEAT,
        state: State::New,
    })
}

impl Follow {
    /// The next events, for a stream. Who may not read the log any more, or follows what
    /// was deleted, and everybody when the process stops, is left without an end: a
    /// client then comes again, and is told or finds another replica.
    pub async fn next(mut self) -> Option<(Result<Bytes, ApiError>, Self)> {
        match self.step().await {
            Ok(block) => Some((Ok(block?.into()), self)),
            Err(ApiError::NotFound | ApiError::Unauthenticated(_)) => None,
            Err(error) => {
                tracing::error!(error = causes(&error), "a log could not be followed");
                None
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        match self.state {
            State::Ended => return Ok(None),
            State::New => {
                self.state = State::Open;
                return Ok(Some(HELLO.to_vec()));
            }
            State::Open => {}
        }
        loop {
            if let Some(entries) = self.log.step(usize::MAX).await? {
                for entry in &entries {
                    self.writer
                        .push(entry)
                        .map_err(|error| ApiError::Internal(error.into()))?;
                }
                if !entries.is_empty() {
                    return Ok(Some(self.sent(None)));
                }
                continue;
            }
            if !self.log.may_go_on() {
                self.state = State::Ended;
                return self.end().map(Some);
            }
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Ok(None),
                seen = self.follower.changed() => self.look(seen).await?,
                // Lines that were passed over need not be looked at again.
                () = sleep_until(self.next_heartbeat) => {
                    return Ok(Some(self.sent(Some(self.log.position().to_string()))));
                }
            }
        }
    }

    /// What is to be sent now: events, or else an event without data, which leaves
    /// nothing with a client but its id.
    fn sent(&mut self, id: Option<String>) -> Vec<u8> {
        self.next_heartbeat = Instant::now() + HEARTBEAT;
        id.map_or_else(
            || self.writer.take(),
            |id| format!("id: {id}\n\n").into_bytes(),
        )
    }

    fn end(&self) -> Result<Vec<u8>, ApiError> {
        let exec = serde_json::to_string(&ExecView::from(&self.exec))
            .map_err(|error| ApiError::Internal(error.into()))?;
        Ok(format!("event: end\nid: {END}\ndata: {exec}\n\n").into_bytes())
    }

    /// Reads on, after there is more.
    async fn look(&mut self, seen: Seen) -> Result<(), ApiError> {
        let only_lines = seen.without_lines() == self.seen.without_lines();
        self.seen = seen;
        if only_lines && self.log.read_on() {
            return Ok(());
        }
        let gateway = &self.context.gateway;
        gateway.tokens.recheck(&self.context.caller).await?;
        (_, self.exec) = execs::get(&self.context, Access::Read, self.ids).await?;
        let outline = Outline::load(&self.context, &self.exec, &self.selection).await?;
        self.log.resume(outline.held(&self.exec));
        Ok(())
    }
}
