//! The changes that are made in the database: each in one transaction, told to
//! whoever follows the exec once it is committed.

mod many;

use bus::{HintRoute, Publisher};
use chassis::{Process, Traces};
use chrono::Utc;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use shared_types::message::Hint;
use shared_types::{ExecId, ExecState, Shards};
use store::lifecycle::{
    self, Applied, Claim, End, Ended, Held, MadeJob, Obstacle, Placement, Program, Retry, Start,
    StopReason, Tracked,
};
use store::secrets::{self, Keyring};
use store::{AsyncConnection, Store, StoreError, admission, registries};

use crate::admission::Door;
use crate::confidential::Confidential;
use crate::spans;
use crate::together::Unanswered;
use many::Many;

/// Reads and writes the status columns of execs, and announces what it wrote.
pub(crate) struct ExecRows {
    store: Store,
    publisher: Publisher,
    keyring: Keyring,
    traces: Traces,
    door: Door,
    many: Many,
}

impl ExecRows {
    pub(crate) fn new(
        store: Store,
        publisher: Publisher,
        keyring: Keyring,
        door: Door,
        process: &Process,
    ) -> Self {
        Self {
            many: Many::new(&store, &process.flush),
            store,
            publisher,
            keyring,
            traces: process.traces.clone(),
            door,
        }
    }

    pub(crate) async fn load(&self, exec: ExecId) -> Result<Option<Tracked>, Unanswered> {
        self.many.loads.ask(exec).await
    }

    pub(crate) async fn load_many(&self, execs: &[ExecId]) -> Result<Vec<Tracked>, StoreError> {
        let mut conn = self.store.connection().await?;
        lifecycle::load(&mut conn, execs).await
    }

    pub(crate) async fn open_page(
        &self,
        region: &str,
        shards: Shards,
        after: Option<ExecId>,
        limit: i64,
    ) -> Result<Vec<Tracked>, StoreError> {
        let mut conn = self.store.connection().await?;
        lifecycle::open_page(&mut conn, region, shards, after, limit).await
    }

    pub(crate) async fn held(&self, region: &str, shards: Shards) -> Result<Held, StoreError> {
        let mut conn = self.store.connection().await?;
        lifecycle::held(&mut conn, region, shards).await
    }

    pub(crate) async fn count_queued(&self, region: &str) -> Result<usize, StoreError> {
        let mut conn = self.store.connection().await?;
        admission::count_queued(&mut conn, region).await
    }

    pub(crate) async fn program(&self, exec: ExecId) -> Result<Option<Program>, Unanswered> {
        self.many.programs.ask(exec).await
    }

    /// What an attempt is given in confidence, opened.
    pub(crate) async fn confidential(
        &self,
        namespace: &str,
        program: &Program,
    ) -> Result<Confidential, StoreError> {
        let spec = &program.spec;
        if spec.secret_vars.is_empty() && !program.has_registries {
            return Ok(Confidential::default());
        }
        let mut conn = self.store.connection().await?;
        let ids: Vec<_> = spec.secret_vars.values().copied().collect();
        let values = secrets::load(&mut conn, &self.keyring, namespace, &ids).await?;
        let registry = spec.registry();
        let credential = registries::load(&mut conn, &self.keyring, namespace, &registry).await?;
        Ok(Confidential { values, credential })
    }

    pub(crate) async fn job_created(&self, job: MadeJob) -> Result<Applied, Unanswered> {
        self.many.made_jobs.ask(job).await
    }

    pub(crate) async fn job_gone(
        &self,
        exec: ExecId,
        attempt: i32,
        uid: &str,
    ) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        conn.transaction(async |conn| lifecycle::forget_job(conn, exec, attempt, uid).await)
            .await?;
        Ok(())
    }

    pub(crate) async fn claim(
        &self,
        exec: ExecId,
        attempt: i32,
        pod: &Pod,
    ) -> Result<Applied, StoreError> {
        let claim = Claim {
            attempt,
            pod_uid: pod.uid().unwrap_or_default(),
            pod_name: pod.name_any(),
            at: Utc::now(),
        };
        let mut conn = self.store.connection().await?;
        lifecycle::claim(&mut conn, exec, &claim).await
    }

    pub(crate) async fn place(
        &self,
        exec: &Tracked,
        attempt: i32,
        placement: &Placement,
    ) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        conn.transaction(async |conn| lifecycle::place(conn, exec.id, attempt, placement).await)
            .await?;
        self.announce(exec);
        Ok(())
    }

    pub(crate) async fn start(
        &self,
        exec: &Tracked,
        attempt: i32,
        start: &Start,
    ) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        conn.transaction(async |conn| lifecycle::start(conn, exec.id, attempt, start).await)
            .await?;
        self.announce(exec);
        Ok(())
    }

    pub(crate) async fn tell(
        &self,
        exec: ExecId,
        attempt: i32,
        obstacle: &Obstacle,
    ) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        let told = (obstacle, Utc::now());
        lifecycle::tell(&mut conn, exec, attempt, told).await?;
        let (phase, why) = (obstacle.phase.as_str(), &obstacle.message);
        tracing::debug!(%exec, attempt, phase, why, "cannot run yet");
        Ok(())
    }

    pub(crate) async fn condemn(
        &self,
        exec: ExecId,
        attempt: i32,
        verdict: &StopReason,
    ) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        lifecycle::condemn(&mut conn, exec, attempt, verdict).await?;
        Ok(())
    }

    pub(crate) async fn end(&self, exec: &Tracked, end: &End) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        let ended = conn
            .transaction(async |conn| lifecycle::end(conn, exec.id, end).await)
            .await?;
        match ended {
            Ended::Moved(state) => {
                self.door.knock();
                self.announce(exec);
                report(exec, end, state);
                spans::record(&self.traces, exec, end, state);
            }
            Ended::Stays => {}
            Ended::Refused(state) => {
                tracing::error!(exec = %exec.id, %state, ?end, "this end cannot follow this state");
            }
        }
        Ok(())
    }

    pub(crate) async fn retry(&self, exec: &Tracked, retry: &Retry) -> Result<(), StoreError> {
        let mut conn = self.store.connection().await?;
        let applied = conn
            .transaction(async |conn| lifecycle::retry(conn, exec.id, retry).await)
            .await?;
        if applied == Applied::Done {
            let (end, not_before) = (&retry.end, retry.not_before);
            let reason = end.reason.as_str();
            metrics::counter!("escapement_execs_retried_total", "reason" => reason).increment(1);
            tracing::warn!(exec = %exec.id, attempt = end.attempt, reason, why = end.message,
                %not_before, "attempt given up; another is made");
            self.announce(exec);
        }
        Ok(())
    }

    pub(crate) async fn abandon_logs(
        &self,
        exec: &Tracked,
        attempt: i32,
    ) -> Result<(), StoreError> {
        let line = "The log was not stored in time and may be incomplete.";
        let mut conn = self.store.connection().await?;
        let told = (Utc::now(), line);
        conn.transaction(async |conn| lifecycle::abandon_logs(conn, exec.id, attempt, told).await)
            .await?;
        metrics::counter!("escapement_logs_abandoned_total").increment(1);
        tracing::warn!(exec = %exec.id, attempt, "the log was not stored in time; given up");
        self.announce(exec);
        Ok(())
    }

    fn announce(&self, exec: &Tracked) {
        let route = HintRoute::ExecChanged {
            namespace: exec.namespace.clone(),
        };
        // A lost hint costs a follower one poll interval.
        let _ = self
            .publisher
            .hint(&Hint::ExecChanged { exec_id: exec.id }, &route);
    }
}

/// The one line and the one count of an exec's outcome.
fn report(exec: &Tracked, end: &End, state: ExecState) {
    let (state, reason) = (state.as_str(), end.reason.as_str());
    metrics::counter!("escapement_execs_ended_total", "state" => state, "reason" => reason)
        .increment(1);
    tracing::info!(
        exec = %exec.id, job = %exec.job_id, namespace = exec.namespace, attempt = end.attempt,
        state, reason, exit_code = end.exit_code, why = end.message, "exec ended"
    );
}
