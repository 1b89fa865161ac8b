//! One attempt's output, from the first sight of its container to the seal.
//!
//! **Two replicas.** Leases divide the pods; where two take one for theirs, as they may
//! for a moment, only one can write its stream: whoever opened it last (its epoch). The
//! rule: open at first sight, so that an heir goes on at once; who is fenced stands by,
//! follows no more, and opens again only when for `standby` the row has neither a new
//! line, nor a new writer, nor a seal. The epoch, not this rule, keeps lines single.

mod context;
mod final_read;
mod follow;
mod grip;
mod sealing;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::{Backoff, BackoffConfig};
use chrono::{DateTime, Utc};
use cluster::FinalizerError;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use secrecy::ExposeSecret;
use store::StoreError;
use store::logs::{StreamKey, Verdict, Writer};
use store::secrets;
use tokio::sync::watch;

use crate::alignment::Alignment;
use crate::ending::Ending;
use crate::masking::Masks;
use crate::proof::Records;
use crate::sighting::{Sighting, started_at};
use crate::source::PodLog;
use crate::transfer::{Terms, Transfer};
pub use context::TailContext;
use grip::{Grip, Hold};

/// Where a broken follow is taken up again; a short cap, because a node that
/// cannot watch files (its inotify instances are used up) is polled this way.
const BACKOFF: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(200),
    cap: Duration::from_secs(2),
    reset_after: Duration::from_secs(1),
};

/// The pod as the watch shows it now; none when the cluster has it no more.
pub type Shown = watch::Receiver<Option<Arc<Pod>>>;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The stream is sealed and the pod let go.
    Done,
    /// There is more to do now.
    Again,
    /// Nothing to do until the pod changes.
    Idle,
    /// Try again after a while; the last try had worked for this long.
    Retry(Duration),
    /// Another replica writes; look again after a while.
    Standby,
}

#[derive(Debug, thiserror::Error)]
enum TailError {
    #[error("the log could not be stored")]
    Store(#[from] StoreError),
    #[error("the pod could not be let go")]
    Finalizer(#[from] FinalizerError),
    #[error("the values of secret variables could not be prepared to be hidden")]
    Masks(#[from] aho_corasick::BuildError),
}

/// Reads one attempt's output into its stream.
pub struct Tail {
    context: Arc<TailContext>,
    key: StreamKey,
    pod_uid: String,
    shown: Shown,
    hold: Hold,
    ending: Ending,
    /// Read before the first line is.
    terms: Option<Terms>,
    /// The program had printed nothing until then; as far as is known.
    silent_until: Option<DateTime<Utc>>,
    seen_at: SystemTime,
}

impl Tail {
    /// Prepares; nothing happens before the first [`Self::step`].
    pub fn new(context: Arc<TailContext>, key: StreamKey, pod_uid: String, shown: Shown) -> Self {
        let ending = Ending::new(context.config.missing_limit);
        Self {
            context,
            key,
            pod_uid,
            shown,
            hold: Hold::Unopened,
            ending,
            terms: None,
            silent_until: None,
            seen_at: SystemTime::now(),
        }
    }

    /// Steps until the stream is sealed, the process stops or nobody shows the pod any more.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(BACKOFF);
        let stopping = self.context.stopping.clone();
        while !stopping.is_cancelled() && self.shown.has_changed().is_ok() {
            let delay = match self.step().await {
                Step::Done => return,
                Step::Again => continue,
                Step::Idle => Duration::MAX,
                Step::Retry(healthy) => {
                    backoff.healthy_for(healthy);
                    backoff.next_delay()
                }
                Step::Standby => self.context.config.standby,
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(delay) => {}
                // Whoever showed the pod has given it up.
                changed = self.shown.changed() => match changed {
                    Ok(()) => backoff.reset(),
                    Err(_) => return,
                },
            }
        }
    }

    /// Does what the pod, as it is shown now, calls for.
    pub async fn step(&mut self) -> Step {
        let pod = self.shown.borrow_and_update().clone();
        match self.act(pod.as_deref()).await {
            Ok(step) => step,
            Err(TailError::Store(error)) if error.is_unavailable() => {
                // Readiness tells; a line per tail and try would drown the rest.
                tracing::debug!(exec = %self.key.exec, "the database is away");
                Step::Retry(Duration::ZERO)
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(exec = %self.key.exec, attempt = self.key.attempt, error, "will be tried again");
                Step::Retry(Duration::ZERO)
            }
        }
    }

    async fn act(&mut self, pod: Option<&Pod>) -> Result<Step, TailError> {
        let sighting = Sighting::of(pod);
        if sighting == Sighting::NotStarted {
            return Ok(Step::Idle);
        }
        let writer = match self.grip().await? {
            Grip::Writer(writer) => writer,
            Grip::Sealed => return self.let_go(pod).await,
            Grip::Standby => return Ok(Step::Standby),
            Grip::UnknownExec => return Ok(Step::Idle),
        };
        self.silent_until = self.silent_until.max(pod.and_then(started_at));
        if pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_some()) {
            self.ending.is_deleted();
        }
        match (sighting, pod) {
            (Sighting::Running, Some(pod)) => self.follow(writer, &self.log_of(pod)).await,
            (Sighting::Ended, Some(pod)) => self.read_to_the_end(writer, &self.log_of(pod)).await,
            (Sighting::NeverStarted, _) => self.seal(writer, None, &Verdict::Complete).await,
            _ => self.give_up(writer).await,
        }
    }

    fn log_of(&self, pod: &Pod) -> PodLog {
        let namespace = pod.namespace().unwrap_or_default();
        let api = Api::namespaced(self.context.logs.clone(), &namespace);
        PodLog::new(api, pod.name_any())
    }

    /// A transfer that goes on where the stream ends, for a read that begins
    /// now and may be the first.
    async fn transfer(&mut self, writer: Writer) -> Result<Transfer, TailError> {
        let terms = self.terms().await?;
        let first = self
            .silent_until
            .map_or_else(Alignment::default, |silent_until| {
                Alignment::of_first_read(silent_until, Utc::now())
            });
        Ok(Transfer::prepare(&self.context, self.key, writer, terms, first).await?)
    }

    /// What to hide of the exec's output, and what to keep. Without it nothing is
    /// read: better a log that is late, or even lost, than one that tells.
    async fn terms(&mut self) -> Result<Terms, TailError> {
        if let Some(terms) = &self.terms {
            return Ok(terms.clone());
        }
        let mut conn = self.context.store.connection().await?;
        let found = secrets::of_output(&mut conn, &self.context.keyring, self.key.exec).await;
        let found = found?;
        let values = found.secrets.iter().map(ExposeSecret::expose_secret);
        let masks = Masks::of(values)?;
        let records = if found.log_proof {
            Records::of(self.key.exec, self.key.attempt)
        } else {
            Records::default()
        };
        let terms = Terms {
            masks: Arc::new(masks),
            records,
            keep: self.context.keep.of(&found.namespace),
        };
        self.terms = Some(terms.clone());
        Ok(terms)
    }

    /// Keeps the stream, whose state is certain, for the next step.
    fn keep(&mut self, writer: Writer) -> Step {
        self.hold = Hold::Writer(writer);
        Step::Again
    }

    /// Resolves when the pod no longer shows `sighting`, or the process stops.
    fn left(&self, sighting: Sighting) -> impl Future<Output = ()> + use<> {
        let (mut shown, stopping) = (self.shown.clone(), self.context.stopping.clone());
        async move {
            let changed = shown.wait_for(|pod| Sighting::of(pod.as_deref()) != sighting);
            tokio::select! {
                _ = changed => {}
                () = stopping.cancelled() => {}
            }
        }
    }
}
