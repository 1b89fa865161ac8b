//! Creating an attempt's Job, and what to make of it when that is refused.

use chrono::{TimeDelta, Utc};
use cluster::{CallError, PodIdentity};
use k8s_openapi::api::batch::v1::Job;
use shared_types::trace::Traceparent;
use shared_types::{ExecEvent, ExecSpec, Phase, Reason};
use store::StoreError;
use store::lifecycle::{Applied, End, MadeJob, Obstacle, Program, Tracked};

use super::{After, ReconcileError, Reconciler};
use crate::confidential::Confidential;
use crate::manifest::Template;
use crate::namespace::NamespaceError;
use crate::objects::Created;
use crate::spans;

impl Reconciler {
    pub(super) async fn create_job(
        &self,
        exec: &Tracked,
        attempt: i32,
    ) -> Result<After, ReconcileError> {
        let Some(program) = self.record.program(exec.id).await? else {
            return Ok(After::Look);
        };
        let identity = PodIdentity {
            exec: exec.id,
            attempt,
            job: exec.job_id,
            namespace: exec.namespace.clone(),
        };
        let trace = spans::of_program(&self.traces, exec, attempt);
        let (job, confidential) = match self.prepare(&identity, &program, trace).await? {
            Ok(prepared) => prepared,
            Err(why) => return self.refuse(exec, Reason::ConfigError, why).await,
        };
        let namespace = self.cluster().namespace(&exec.namespace);
        match self.namespaces.ensure(&namespace).await {
            Ok(()) => {}
            Err(error @ NamespaceError::Foreign(_)) => {
                return self
                    .refuse(exec, Reason::ConfigError, error.to_string())
                    .await;
            }
            Err(NamespaceError::Call(error)) => return Err(error.into()),
        }
        match self
            .objects_of_attempt(&job, &program.spec, &confidential)
            .await
        {
            Ok(Created::There(uid)) => {
                let made = MadeJob {
                    exec: exec.id,
                    attempt,
                    uid,
                };
                let stored = self.record.job_created(made).await?;
                Ok(if stored == Applied::Done {
                    After::Wait
                } else {
                    After::Look
                })
            }
            Ok(Created::Foreign) => {
                let why = "its name is taken by an object that is not ours".to_owned();
                self.refuse(exec, Reason::ConfigError, why).await
            }
            Err(error) => self.job_refused(exec, error).await,
        }
    }

    /// What is to be created for an attempt, or why it never can be.
    async fn prepare(
        &self,
        identity: &PodIdentity,
        program: &Program,
        trace: Option<Traceparent>,
    ) -> Result<Result<(Job, Confidential), String>, StoreError> {
        let opened = self.record.confidential(&identity.namespace, program);
        let confidential = match opened.await {
            Ok(confidential) => confidential,
            Err(StoreError::Secret(error)) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        let template = Template {
            cluster: self.cluster(),
            pod: &self.config.pod,
            limits: &self.config.limits,
            sizes: &self.config.sizes,
        };
        let job = template.job(identity, program, &confidential, trace);
        Ok(job
            .map(|job| (job, confidential))
            .map_err(|error| error.to_string()))
    }

    /// The Job, and the Secret that belongs to it. No pod is claimed before the
    /// Job's uid is recorded, so none starts without its Secret.
    async fn objects_of_attempt(
        &self,
        job: &Job,
        spec: &ExecSpec,
        confidential: &Confidential,
    ) -> Result<Created, CallError> {
        let created = self.objects.create_job(job).await?;
        let Created::There(uid) = &created else {
            return Ok(created);
        };
        if confidential.is_empty() {
            return Ok(created);
        }
        let secret = confidential.secret(spec, job, uid);
        match self.objects.create_secret(&secret).await? {
            Created::There(_) => Ok(created),
            Created::Foreign => Ok(Created::Foreign),
        }
    }

    /// The API server did not take the objects: for good, or for now.
    async fn job_refused(&self, exec: &Tracked, error: CallError) -> Result<After, ReconcileError> {
        let answer = error.answer().unwrap_or_default().to_owned();
        let since = exec
            .current()
            .map(|row| row.not_before.unwrap_or(row.created_at));
        let deadline = self.config.limits.room_deadline(self.load().jobs);
        let limit = TimeDelta::from_std(deadline).unwrap_or_default();
        let overdue = since.is_some_and(|since| Utc::now() - since >= limit);
        match error.code() {
            Some(400 | 413 | 422) => self.refuse(exec, Reason::ConfigError, answer).await,
            // A quota may be raised, a namespace on its way out may come back.
            Some(403) if overdue => self.refuse(exec, Reason::PodRefused, answer).await,
            Some(403) => {
                let message = format!("Kubernetes makes no job for it: {answer}");
                let obstacle = Obstacle {
                    phase: Phase::Claimed,
                    message,
                };
                if exec.current().and_then(|row| row.obstacle.as_ref()) != Some(&obstacle) {
                    self.record.tell(exec.id, exec.attempt, &obstacle).await?;
                }
                Err(error.into())
            }
            Some(404) => {
                self.namespaces
                    .forget(&self.cluster().namespace(&exec.namespace));
                Err(error.into())
            }
            _ => Err(error.into()),
        }
    }

    async fn refuse(
        &self,
        exec: &Tracked,
        reason: Reason,
        why: String,
    ) -> Result<After, ReconcileError> {
        let message = format!("no Kubernetes job can be made of it: {why}");
        let end = End {
            attempt: exec.attempt,
            event: ExecEvent::Failed,
            reason,
            line: format!("Failed: {message}."),
            message,
            said: None,
            exit_code: None,
            at: Utc::now(),
            start: None,
            placement: None,
            only_unclaimed: true,
        };
        self.record.end(exec, &end).await?;
        Ok(After::Look)
    }
}
