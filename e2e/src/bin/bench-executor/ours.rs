//! Our side: execs over the REST API.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use devstack::{Infra, Ring, Service};
use e2e::benchmark::{self, Folder};
use e2e::{Client, usage};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};

use crate::LIMIT;
use crate::sight::{Sight, between};

const SIZES: &str = "[sizes.XXS]\ncpu = \"10m\"\nmemory = \"32Mi\"\n";
/// Requests at a time.
const AT_ONCE: usize = 64;

/// A ring and one of its users.
pub(crate) struct Ours {
    pub(crate) ring: Ring,
    client: Client,
    kube: kube::Client,
    _folder: Folder,
}

impl Ours {
    /// A ring whose executor is told this; without the services that are not named.
    pub(crate) async fn start(
        name: &str,
        kube: kube::Client,
        services: &[Service],
        told: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = Folder::new(name)?;
        let builder = benchmark::ring(&Infra::from_env()?, name, SIZES, &folder)?;
        let builder = told
            .iter()
            .fold(builder.only(services), |builder, (key, value)| {
                builder.env(Service::Executor, key, value)
            });
        let ring = builder.start().await?;
        let client = Client::new(&ring.api_url()?, &ring.create_account(name).await?);
        Ok(Self {
            ring,
            client,
            kube,
            _folder: folder,
        })
    }

    pub(crate) fn selector(&self) -> String {
        format!("app.kubernetes.io/instance={}", self.ring.instance())
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        Api::all(self.kube.clone())
    }

    /// The pod of one exec without its gate: the same for both sides.
    pub(crate) async fn pod(&self, job: i64) -> Result<Value> {
        let mut sight = Sight::of(self.jobs(), &self.selector()).await?;
        self.begin_and_cancel(job, 1, &sight).await?;
        let made = sight.states.recv().await.context("no Job was seen")?;
        let mut pod = json!(made.spec.context("a Job has a spec")?.template);
        pod["metadata"] = json!({});
        let spec = pod["spec"].as_object_mut().context("a pod has a spec")?;
        spec.remove("schedulingGates");
        Ok(pod)
    }

    /// Jobs on nodes that take none, and away with them: as the controller of `CronJob`s has
    /// made Jobs before, and has its connections.
    pub(crate) async fn warm(&self, job: i64) -> Result<()> {
        let sight = Sight::of(self.jobs(), &self.selector()).await?;
        self.begin_and_cancel(job, AT_ONCE, &sight).await
    }

    /// Triggers execs, and cancels them when each has its Job.
    async fn begin_and_cancel(&self, job: i64, count: usize, sight: &Sight<Job>) -> Result<()> {
        let triggers = stream::iter(0..count).map(|_| self.client.trigger(job));
        let execs: Vec<_> = triggers.buffer_unordered(AT_ONCE).try_collect().await?;
        sight.first(count, LIMIT).await?;
        for exec in execs {
            // There may be no node for it; where there is one, it may have ended already.
            let cancel = format!("/v1/jobs/{job}/execs/{}/cancel", exec.id);
            let _ = self.client.send("POST", &cancel, None, 202).await;
        }
        sight.gone(count, LIMIT).await?;
        Ok(())
    }

    pub(crate) async fn job(&self, command: &str, fields: Value) -> Result<i64> {
        self.client.create_job(command, fields).await
    }

    pub(crate) async fn trigger(&self, job: i64, count: usize) -> Result<()> {
        let triggers = stream::iter(0..count).map(|_| self.client.trigger(job));
        let triggered = triggers.buffer_unordered(AT_ONCE);
        triggered.try_for_each(async |_| Ok(())).await
    }

    /// Jobs of execs that wait when the executor starts; the time from the first that is seen
    /// to the last.
    pub(crate) async fn create(&self, job: i64, count: usize) -> Result<Duration> {
        self.ring.stop(Service::Executor).await?;
        self.trigger(job, count).await?;
        let sight = Sight::of(self.jobs(), &self.selector()).await?;
        self.ring.start(Service::Executor).await?;
        let seen = sight.first(count, LIMIT).await?;
        let (first, last) = (seen.first(), seen.last());
        let took = between(*first.context("none")?, *last.context("none")?)?;
        sight.gone(count, LIMIT).await?;
        Ok(took)
    }

    /// Execs from the first trigger until the last log is sealed and the last pod gone.
    pub(crate) async fn run(&self, job: i64, count: usize) -> Result<Duration> {
        let pods: Api<Pod> = Api::all(self.kube.clone());
        let sight = Sight::of(pods, &self.selector()).await?;
        let began = SystemTime::now();
        self.trigger(job, count).await?;
        let took = between(began, sight.gone(count, LIMIT).await?)?;
        let bad = "SELECT count(*) FROM execs e LEFT JOIN log_streams l ON l.exec_id = e.id
                   WHERE e.state <> 'cancelled' -- the one that showed its pod
                       AND (e.state <> 'succeeded' OR l.complete IS NOT TRUE)";
        let bad = self.ring.query(bad).await?;
        ensure!(bad.trim() == "0", "{bad} execs are not as they should be");
        Ok(took)
    }

    /// Schedules that are due once.
    pub(crate) async fn schedule(&self, count: usize, at: &str) -> Result<()> {
        let fields =
            json!({ "schedule_mode": format!("R1/{at}/PT1H"), "is_schedule_active": true });
        stream::iter(0..count)
            .map(|_| self.client.create_job("true", fields.clone()))
            .buffer_unordered(AT_ONCE)
            .try_for_each(async |_| Ok(()))
            .await
    }

    /// Milliseconds from the planned instant until half of the execs were fired, and admitted.
    pub(crate) async fn halves(&self) -> Result<String> {
        let half = |column| {
            format!(
                "round(1000 * percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY extract(epoch FROM {column} - slot_at)))"
            )
        };
        let (fired, admitted) = (half("e.created_at"), half("a.created_at"));
        let sql = format!(
            "SELECT {fired} || ' ms fired, ' || {admitted} || ' admitted'
             FROM execs e JOIN exec_attempts a ON a.exec_id = e.id WHERE slot_at IS NOT NULL"
        );
        Ok(self.ring.query(&sql).await?.trim().to_owned())
    }

    /// MiB that executor-svc holds.
    pub(crate) fn memory(&self) -> Result<u64> {
        Ok(usage::memory(self.ring.pid(Service::Executor, 1)?)?.0)
    }

    /// Removes what it has in the cluster, and itself.
    pub(crate) async fn end(self) -> Result<()> {
        self.ring.release(true).await?;
        self.ring.down().await
    }
}
