//! One way to call the API server: again while it is away, but never longer than the
//! caller's deadline, and not while it is too busy: the caller knows what else there is to do.

use std::time::Duration;

use chassis::{Backoff, BackoffConfig};
use kube::Error;
use kube::core::Status;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Delays between tries; the server's own `Retry-After` may be longer.
const BACKOFF: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(100),
    cap: Duration::from_secs(5),
    reset_after: Duration::from_secs(10),
};

/// The status of a server that has more to do than it can.
const TOO_BUSY: u16 = 429;
/// What a server asks for by a header, which the client does not pass on.
const SOON: Duration = Duration::from_secs(1);
/// Whatever it asks for, it is looked whether it has time again.
const LATEST: Duration = Duration::from_mins(1);

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused it, or the last try failed for a passing reason.
    #[error("the Kubernetes API call failed")]
    Failed(#[source] Box<Error>),
    /// Nothing came back before the deadline. Whether a write was done is
    /// unknown: look, or do it again.
    #[error("the Kubernetes API did not answer in time")]
    Deadline,
}

impl CallError {
    /// The server's status code, if it answered.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Failed(error) => match &**error {
                Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Deadline => None,
        }
    }

    /// How long the server asks to be left alone, if it is too busy.
    #[must_use]
    pub fn busy(&self) -> Option<Duration> {
        match self {
            Self::Failed(error) => busy(error),
            Self::Deadline => None,
        }
    }

    /// The server's own words, if it answered.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => match &**error {
                Error::Api(status) => Some(&status.message),
                _ => None,
            },
            Self::Deadline => None,
        }
    }
}

/// Calls until it succeeds, is refused for good or because the server is too busy, or `limit`
/// has passed. The call must be safe to repeat: a try that failed may have been done.
pub async fn persist<T, F>(limit: Duration, call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, Error>>,
{
    again(limit, retry_after, call).await
}

/// The same, also while the server is too busy: for who has nothing else to do.
pub async fn insist<T, F>(limit: Duration, call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, Error>>,
{
    let asked = |error: &Error| busy(error).or_else(|| retry_after(error));
    again(limit, asked, call).await
}

async fn again<T, F>(
    limit: Duration,
    asked: impl Fn(&Error) -> Option<Duration>,
    mut call: impl FnMut() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<T, Error>>,
{
    let deadline = Instant::now() + limit;
    let mut backoff = Backoff::new(BACKOFF);
    loop {
        let Ok(answer) = timeout_at(deadline, call()).await else {
            return Err(CallError::Deadline);
        };
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(asked) = asked(&error) else {
            return Err(CallError::Failed(Box::new(error)));
        };
        let next = Instant::now() + backoff.next_delay().max(asked);
        if next >= deadline {
            return Err(CallError::Failed(Box::new(error)));
        }
        metrics::counter!("escapement_kubernetes_retries_total").increment(1);
        sleep_until(next).await;
    }
}

/// How long the server asks us to wait, if another try makes sense.
fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Api(status) if status.code == TOO_BUSY => None,
        Error::Api(status) => {
            let asked = asked(status);
            let passing = !asked.is_zero() || matches!(status.code, 500 | 502 | 503 | 504);
            passing.then_some(asked)
        }
        Error::HyperError(_) | Error::Service(_) | Error::ReadEvents(_) => Some(Duration::ZERO),
        _ => None,
    }
}

fn busy(error: &Error) -> Option<Duration> {
    match error {
        Error::Api(status) if status.code == TOO_BUSY => Some(asked(status).clamp(SOON, LATEST)),
        _ => None,
    }
}

fn asked(status: &Status) -> Duration {
    let asked = status.details.as_ref().map_or(0, |d| d.retry_after_seconds);
    Duration::from_secs(asked.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u16) -> Error {
        Error::Api(Status::failure("no", "Test").with_code(code).boxed())
    }

    #[tokio::test(start_paused = true)]
    async fn passing_failures_are_tried_again() {
        let mut tries = 0;
        let value = persist(Duration::from_secs(10), || {
            tries += 1;
            std::future::ready(if tries < 3 { Err(refusal(503)) } else { Ok(7) })
        });
        assert_eq!(value.await.unwrap(), 7);
        assert_eq!(tries, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final_and_keeps_its_code() {
        let refused = persist(Duration::from_secs(10), async || Err::<(), _>(refusal(409)));
        assert_eq!(refused.await.unwrap_err().code(), Some(409));
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_outlives_its_deadline() {
        let hung = persist(Duration::from_secs(10), async || {
            std::future::pending::<Result<(), Error>>().await
        });
        assert!(matches!(hung.await, Err(CallError::Deadline)));
        let start = Instant::now();
        let away = persist(Duration::from_secs(10), async || Err::<(), _>(refusal(503)));
        assert_eq!(away.await.unwrap_err().code(), Some(503));
        assert!(start.elapsed() <= Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_too_busy_is_left_to_the_caller() {
        let start = Instant::now();
        let busy = persist(Duration::from_secs(10), async || Err::<(), _>(refusal(429)));
        assert_eq!(busy.await.unwrap_err().busy(), Some(Duration::from_secs(1)));
        assert_eq!(start.elapsed(), Duration::ZERO);
        let mut tries = 0;
        let value = insist(Duration::from_secs(10), || {
            tries += 1;
            std::future::ready(if tries < 3 { Err(refusal(429)) } else { Ok(7) })
        });
        assert_eq!(value.await.unwrap(), 7);
        assert_eq!(
            start.elapsed(),
            Duration::from_secs(2),
            "as long as it asks for"
        );
        for (asked, seconds) in [(0, 1), (7, 7), (1_000_000, 60)] {
            let mut asks = Status::failure("no", "Test").with_code(429);
            let details = serde_json::json!({ "retryAfterSeconds": asked });
            asks.details = Some(serde_json::from_value(details).unwrap());
            let asks = CallError::Failed(Box::new(Error::Api(asks.boxed())));
            assert_eq!(asks.busy(), Some(Duration::from_secs(seconds)));
        }
        let away = CallError::Failed(Box::new(refusal(503)));
        assert_eq!(away.busy(), None);
    }
}
