//! Large answers on their way: each counts for its account until its client has taken
//! it. They are handed on in pieces, so that the server does not copy all of one at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

use super::turns::{Turns, Unread};

/// Bytes at most that are no more than what a connection holds anyway.
const SMALL: usize = 64 * 1024;

/// The answer, counted if it is large; one that is made while it is sent is never whole
/// in memory.
pub(super) fn counted(
    answer: ServiceResponse<BoxBody>,
    turns: &Turns,
    account: i64,
) -> ServiceResponse<BoxBody> {
    let BodySize::Sized(size) = answer.response().body().size() else {
        return answer;
    };
    if size <= SMALL as u64 {
        return answer;
    }
    answer.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(Counted {
            _unread: turns.unread(account, bytes.len()),
            bytes,
        }),
        Err(body) => body,
    })
}

struct Counted {
    bytes: Bytes,
    _unread: Unread,
}

impl MessageBody for Counted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.bytes.len().min(SMALL);
        Poll::Ready((piece > 0).then(|| Ok(self.bytes.split_to(piece))))
    }
}
