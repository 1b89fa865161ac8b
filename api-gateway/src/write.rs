//! The one way a request writes: its effect, the audit entries and the answer to
//! its idempotency key in one transaction, then the announcements.

pub mod source;

use std::future::Future;
use std::sync::Arc;

use bus::{HintRoute, Publisher};
use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use shared_types::message::Hint;
use shared_types::{ExecId, JobId};
use store::idempotency::{self, Answered, Begun};
use store::secrets::{Keyring, Purpose, SealError, Sealed};
use store::{PgConnection, audit};
use tracing::Instrument;

use self::source::{Once, RequestSource};
use crate::gateway::Gateway;
use crate::reply::answer::Answer;
use crate::reply::error::ApiError;

/// What a write did.
#[derive(Debug)]
pub struct Written {
    /// What its client is told.
    pub answer: Answer,
    /// What was done to which resource of which namespace.
    pub audit: Vec<Act>,
    /// Who else is told, once it is committed.
    pub announcements: Vec<Announcement>,
}

impl Written {
    /// A write of one act that nobody else needs to know of.
    pub fn new(answer: Answer, act: Act) -> Self {
        Self {
            answer,
            audit: vec![act],
            announcements: Vec::new(),
        }
    }

    /// Also tells others.
    #[must_use]
    pub fn announcing(mut self, announcements: impl IntoIterator<Item = Announcement>) -> Self {
        self.announcements.extend(announcements);
        self
    }
}

/// One line of the audit log, but for who and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The namespace whose admins may read of it.
    pub namespace: String,
    /// What was done, such as `job.create`.
    pub action: &'static str,
    /// To what, such as `jobs/146`.
    pub resource: String,
}

impl Act {
    /// An act on a resource of a namespace.
    pub fn new(namespace: &str, action: &'static str, resource: String) -> Self {
        Self {
            namespace: namespace.to_owned(),
            action,
            resource,
        }
    }
}

/// A hint to another service. It may be lost: rows are the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// An exec waits in a region.
    Exec(String, ExecId),
    /// Something else changed.
    Hint(Hint, HintRoute),
}

impl Announcement {
    /// A cancel was recorded for an exec of a region.
    pub fn cancel(region: String, exec_id: ExecId) -> Self {
        Self::Hint(
            Hint::CancelRequested { exec_id },
            HintRoute::Cancel { region },
        )
    }

    /// A job's schedule has a new generation, or more to do.
    pub fn schedule_changed(job_id: JobId) -> Self {
        Self::Hint(Hint::ScheduleChanged { job_id }, HintRoute::ScheduleChanged)
    }

    fn publish(self, publisher: &Publisher) {
        let _ = match self {
            Self::Exec(region, exec) => publisher.exec_requested(&region, exec),
            Self::Hint(hint, route) => publisher.hint(&hint, &route),
        };
    }
}

impl Gateway {
    /// Does a write once, all of it or nothing, to its end even if the client
    /// hangs up.
    pub async fn write<F>(
        self: &Arc<Self>,
        source: RequestSource,
        work: F,
    ) -> Result<Answer, ApiError>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Written, ApiError>>
            + Send
            + 'static,
    {
        let gateway = self.clone();
        self.to_completion(async move {
            if let Some(caller) = &source.caller {
                gateway.tokens.recheck(caller).await?;
            }
            let mut conn = gateway.connection(source.caller.as_ref()).await?;
            let keyring = gateway.keyring.clone();
            let written = store::transaction(&mut conn, move |conn| {
                Box::pin(async move { once(conn, &keyring, &source, work).await })
            });
            let written = written.await?;
            drop(conn);
            for announcement in written.announcements {
                announcement.publish(&gateway.publisher);
            }
            Ok(written.answer)
        })
        .await
    }

    /// Does work to its end even if the client hangs up in the middle, which
    /// drops its handler: a write is never left half done, and what was
    /// committed is announced.
    async fn to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.tasks
            .spawn_finite(work.in_current_span())
            .await
            .map_err(|panic| ApiError::Internal(Box::new(panic)))?
    }
}

async fn once<F>(
    conn: &mut PgConnection,
    keyring: &Keyring,
    source: &RequestSource,
    work: F,
) -> Result<Written, ApiError>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Written, ApiError>>,
{
    let Some(once) = &source.once else {
        return audited(conn, source, work).await;
    };
    let (key_id, digest) = keyring.digest(None, &once.request).map_err(internal)?;
    let request = idempotency::Request {
        caller: &once.caller,
        key: &once.key,
        key_id,
        digest,
    };
    if let Begun::Answered(answered) = idempotency::begin(conn, request).await? {
        return repeat(keyring, once, &answered);
    }
    let written = audited(conn, source, work).await?;
    let sealed = keyring.seal(Purpose::Answer, &once.caller, &written.answer.body);
    let sealed = sealed.map_err(internal)?;
    let status = i16::try_from(written.answer.status).unwrap_or(i16::MAX);
    idempotency::finish(conn, request, status, &sealed.bytes).await?;
    Ok(written)
}

/// The answer that was given, if the request is the one it was given to.
fn repeat(keyring: &Keyring, once: &Once, answered: &Answered) -> Result<Written, ApiError> {
    let lost = || ApiError::Conflict {
        kind: "idempotency-answer-lost",
        title: "Idempotent answer lost",
        detail: "a request with this Idempotency-Key was done, but the key that sealed its answer \
                 is no longer configured"
            .to_owned(),
    };
    let digest = keyring.digest(Some(&answered.key_id), &once.request);
    let (_, digest) = digest.map_err(|_| lost())?;
    if digest != *answered.digest {
        return Err(ApiError::Conflict {
            kind: "idempotency-key-reused",
            title: "Idempotency-Key reused",
            detail: "this Idempotency-Key was used with another request; send a new key".to_owned(),
        });
    }
    let sealed = Sealed {
        key_id: answered.key_id.clone(),
        bytes: answered.answer.clone(),
    };
    let body = keyring.open(Purpose::Answer, &once.caller, &sealed);
    let body = body.map_err(|_| lost())?;
    Ok(Written {
        answer: Answer {
            status: answered.status.unsigned_abs(),
            body: body.expose_secret().to_vec(),
            replayed: true,
        },
        audit: Vec::new(),
        announcements: Vec::new(),
    })
}

fn internal(error: SealError) -> ApiError {
    ApiError::Internal(error.into())
}

async fn audited<F>(
    conn: &mut PgConnection,
    source: &RequestSource,
    work: F,
) -> Result<Written, ApiError>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Written, ApiError>>,
{
    let written = work(conn).await?;
    let entries = written.audit.iter().map(|act| source.entry(act)).collect();
    audit::append(conn, entries).await?;
    Ok(written)
}
