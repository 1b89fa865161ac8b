//! What a connection is held to, before it is HTTP: how long the head of a request may
//! take. actix limits the first head of a connection only; one byte a second would
//! keep the second one open for ever.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::admissions::Admitted;

/// How long a client may take over a head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// From its first byte.
    pub head: Duration,
    /// From the end of the request before it.
    pub idle: Duration,
}

/// Where a connection is in its life: the stream sees bytes come, and the outermost
/// middleware sees requests begin and end.
#[derive(Debug)]
pub struct Pace {
    limits: HeadLimits,
    /// When the head that is waited for must be there; none while a request is
    /// being answered, which has limits of its own.
    deadline: Cell<Option<Instant>>,
    has_begun: Cell<bool>,
    /// Looks at the stream again.
    waker: RefCell<Option<Waker>>,
    /// Told when the client sends no more.
    gone: watch::Sender<bool>,
}

impl Pace {
    fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            deadline: Cell::new(Some(Instant::now() + limits.idle)),
            has_begun: Cell::new(false),
            waker: RefCell::new(None),
            gone: watch::Sender::new(false),
        }
    }

    /// Returns when the client has closed its side, or broken the connection. It may
    /// still read, so what it gets then is an answer.
    async fn gone(&self) {
        // The sender is in `self`, so it cannot be dropped meanwhile.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }

    /// Some of a head has come, if it is waited for.
    fn came(&self) {
        if let Some(deadline) = self.deadline.get()
            && !self.has_begun.replace(true)
        {
            let head = Instant::now() + self.limits.head;
            self.deadline.set(Some(deadline.min(head)));
        }
    }

    /// All of a head has come.
    pub(super) fn begin(self: &Rc<Self>) -> Busy {
        self.deadline.set(None);
        Busy(self.clone())
    }
}

/// Returns when the client of this request has gone.
pub(crate) async fn gone(request: &HttpRequest) {
    match request.conn_data::<Rc<Pace>>() {
        Some(pace) => pace.gone().await,
        // Only a test's made-up request has no connection.
        None => pending().await,
    }
}

/// A request being answered.
#[derive(Debug)]
pub(super) struct Busy(Rc<Pace>);

impl Drop for Busy {
    fn drop(&mut self) {
        let pace = &self.0;
        pace.has_begun.set(false);
        pace.deadline.set(Some(Instant::now() + pace.limits.idle));
        // A part of the next head may be here already, and no byte of it to come.
        if let Some(waker) = pace.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    pace: Rc<Pace>,
    alarm: Pin<Box<Sleep>>,
    _admitted: Option<Admitted>,
}

impl Connection {
    /// One that was just accepted.
    pub(super) fn new(stream: TcpStream, limits: HeadLimits, admitted: Option<Admitted>) -> Self {
        let pace = Rc::new(Pace::new(limits));
        Self {
            stream,
            alarm: Box::pin(sleep_until(Instant::now() + limits.idle)),
            pace,
            _admitted: admitted,
        }
    }

    /// What the middleware tells of its requests.
    pub(super) fn pace(&self) -> Rc<Pace> {
        self.pace.clone()
    }

    /// Whether the head that is waited for is late.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(deadline) = self.pace.deadline.get() else {
            self.pace.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        };
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut connection.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    connection.pace.came();
                } else {
                    connection.pace.gone.send_replace(true);
                }
                Poll::Ready(read)
            }
            Poll::Pending => connection.poll_late(cx).map(Err),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer that is made while it is sent keeps its connection busy until then.
pub(super) fn sending(
    answer: ServiceResponse<BoxBody>,
    busy: Option<Busy>,
) -> ServiceResponse<BoxBody> {
    if answer.response().body().size() != BodySize::Stream {
        return answer;
    }
    answer.map_body(|_, body| BoxBody::new(Sending { body, _busy: busy }))
}

struct Sending {
    body: BoxBody,
    _busy: Option<Busy>,
}

impl MessageBody for Sending {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
