//! The probe: every instant is committed and confirmed on its own, by as many
//! connections as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::{BrokerConfig, Bus, Publisher};
use chassis::Process;
use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use shared_types::{Command, ExecId, ExecSpec, JobId, TriggerMode};
use store::execs::{self, NewExec};
use store::{DatabaseConfig, DatabaseRole, Store};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::fleet::{Fleet, Load};
use crate::histogram::{Histogram, LATENESS};

/// Connections, each with one commit on its way.
const WORKERS: usize = 16;
/// For what is left to end.
const LIMIT: Duration = Duration::from_secs(2);

pub(crate) struct Probe {
    recorder: PrometheusHandle,
}

impl Probe {
    pub(crate) fn new(recorder: PrometheusHandle) -> Self {
        Self { recorder }
    }

    fn lateness(&self) -> Result<Histogram> {
        Histogram::read(LATENESS, &self.recorder.render())
    }

    /// Commits and announces an exec for each instant of the load, which need no
    /// schedules; returns how late the broker confirmed.
    pub(crate) async fn run(&self, fleet: &Fleet, load: &Load) -> Result<Histogram> {
        let (before, began) = (self.lateness()?, Instant::now());
        let process = Process::for_test("probe");
        let broker = BrokerConfig::new(fleet.ring.amqp_url().to_string().into());
        let bus = Bus::connect(broker, &process)?;
        bus.publishing().wait_for(|is_up| *is_up).await?;
        let database = DatabaseConfig {
            url: fleet.ring.database_url().as_str().parse()?,
            allow_superuser: true,
            pool_size: WORKERS,
            wait: Duration::from_secs(30),
        };
        let store = Store::new(&database, DatabaseRole::Scheduler)?;
        let job = JobId(fleet.number("SELECT min(id) FROM jobs").await?);
        let (queue, instants) = mpsc::unbounded_channel();
        let work = Work {
            job,
            region: fleet.ring.region().to_owned(),
            publisher: bus.publisher(),
            instants: Arc::new(Mutex::new(instants)),
        };
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(work.clone().run(store.clone()));
        }
        let load = *load;
        let ticking = std::thread::spawn(move || tick(&load, &queue));
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        ticking.join().ok().context("the probe's clock failed")?;
        loop {
            let probed = self.lateness()?.since(&before);
            if probed.count() >= u64::from(load.count) {
                process.drain(LIMIT, LIMIT).await;
                return Ok(probed);
            }
            ensure!(
                began.elapsed() < Duration::from_mins(2),
                "{} confirms",
                probed.count()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What all workers share.
#[derive(Clone)]
struct Work {
    job: JobId,
    region: String,
    publisher: Publisher,
    instants: Arc<Mutex<mpsc::UnboundedReceiver<DateTime<Utc>>>>,
}

impl Work {
    /// One commit after the other, until there are no more instants.
    async fn run(self, store: Store) -> Result<()> {
        let mut conn = store.connection().await?;
        loop {
            let next = self.instants.lock().await.recv().await;
            let Some(at) = next else {
                return Ok(());
            };
            let new = exec(self.job, &self.region, at);
            execs::insert(&mut conn, std::slice::from_ref(&new)).await?;
            let _ = self.publisher.exec_due(&self.region, new.id, at);
        }
    }
}

/// A thread of its own, like the scheduler's alarm.
fn tick(load: &Load, queue: &mpsc::UnboundedSender<DateTime<Utc>>) {
    for number in 0..load.count {
        let at = load.instant(number);
        while let Ok(left) = (at - Utc::now()).to_std() {
            std::thread::park_timeout(left);
        }
        if queue.send(at).is_err() {
            return;
        }
    }
}

fn exec(job_id: JobId, region: &str, at: DateTime<Utc>) -> NewExec {
    NewExec {
        id: ExecId::new(),
        job_id,
        namespace: "bench".to_owned(),
        region: region.to_owned(),
        trigger_mode: TriggerMode::Scheduled,
        slot_at: Some(at),
        created_by: "bench".to_owned(),
        spec: ExecSpec {
            command: Command::Text("true".to_owned()),
            image_repo: "r.io/demo".to_owned(),
            image_tag: "1".to_owned(),
            size: "XS".to_owned(),
            vars: [("MODE".to_owned(), "bench".to_owned())].into(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [].into(),
            rules: shared_types::RunRules::default(),
        },
    }
}
