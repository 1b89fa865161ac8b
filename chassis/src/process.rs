//! From configuration to exit code: the order every process starts and stops in.
//!
//! Start: configuration, telemetry, health port, the service's own start.
//! Stop: readiness goes, intake closes, running work ends (at most
//! `shutdown.grace`), what must flush flushes (at most `shutdown.flush`), exit.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{self, ConfigError, ServiceConfig};
use crate::health::{Health, Readiness};
use crate::signals::Signals;
use crate::tasks::Tasks;
use crate::telemetry::{self, TelemetryError};
use crate::traces::Traces;
use crate::{EXIT_BAD_CONFIG, EXIT_FAILED, EXIT_FORCED};

/// How often histograms are folded when nobody scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(10);

/// What a service is handed to run in.
#[derive(Debug, Clone)]
pub struct Process {
    /// The service's name, as in `main`.
    pub name: &'static str,
    /// Cancelled when intake must close; cancelling it stops the process in order.
    pub shutdown: CancellationToken,
    /// Loops and running work. They stop with `shutdown`.
    pub tasks: Tasks,
    /// What running work still hands its results to (publisher, log writer). These
    /// are asked to stop only when all of `tasks` have ended.
    pub flush: Tasks,
    /// What `/readyz` answers.
    pub readiness: Readiness,
    /// Where spans go.
    pub traces: Traces,
    /// Where the health port listens; none for a [`command`].
    pub health: Option<SocketAddr>,
}

impl Process {
    fn new(name: &'static str) -> Self {
        let shutdown = CancellationToken::new();
        let tasks = Tasks::new(shutdown.clone());
        let flush = tasks.later();
        Self {
            name,
            shutdown,
            tasks,
            flush,
            readiness: Readiness::default(),
            traces: Traces::default(),
            health: None,
        }
    }

    /// A process without configuration, health port or signals, for tests that
    /// start a service in place.
    pub fn for_test(name: &'static str) -> Self {
        Self::new(name)
    }

    /// Runs the stop order; true when nothing had to be abandoned.
    pub async fn drain(&self, grace: Duration, flush: Duration) -> bool {
        self.shutdown.cancel();
        let worked = self.tasks.drain(grace).await;
        let flushed = self.flush.drain(flush).await;
        worked && flushed
    }
}

/// Runs a service until a signal or a failed task. `start` builds the service and
/// spawns its loops on the [`Process`]; its return means "started", not "ended".
pub fn main<C, F>(
    name: &'static str,
    defaults: &str,
    start: impl FnOnce(C, Process) -> F,
) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = anyhow::Result<()>>,
{
    enter(name, defaults, start, Kind::Service)
}

/// Runs something that ends by itself, in the same surroundings but without a
/// health port: `migrate`, `release`. When `work` returns, the process stops.
pub fn command<C, F>(
    name: &'static str,
    defaults: &str,
    work: impl FnOnce(C, Process) -> F,
) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = anyhow::Result<()>>,
{
    enter(name, defaults, work, Kind::Command)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Service,
    Command,
}

fn enter<C, F>(
    name: &'static str,
    defaults: &str,
    body: impl FnOnce(C, Process) -> F,
    kind: Kind,
) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = anyhow::Result<()>>,
{
    let result = config::load::<C>(defaults)
        .map_err(anyhow::Error::from)
        .and_then(|config| {
            let metrics = telemetry::init(config.log())?;
            metrics::gauge!("escapement_build_info", "service" => name).set(1.0);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let result = runtime.block_on(run(Process::new(name), config, body, (kind, metrics)));
            // Abandoned work may hold a blocking thread; it must not hold the exit.
            runtime.shutdown_timeout(Duration::from_secs(1));
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_code(name, &error),
    }
}

/// One line to stderr, whatever state the log subscriber is in.
fn exit_code(name: &str, error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
    let config = error.is::<ConfigError>()
        || matches!(error.downcast_ref(), Some(TelemetryError::Filter(_)));
    ExitCode::from(if config { EXIT_BAD_CONFIG } else { EXIT_FAILED })
}

async fn run<C, F>(
    mut process: Process,
    config: C,
    body: impl FnOnce(C, Process) -> F,
    (kind, metrics): (Kind, PrometheusHandle),
) -> anyhow::Result<()>
where
    C: ServiceConfig,
    F: Future<Output = anyhow::Result<()>>,
{
    let limits = config.shutdown().clone();
    process.traces = Traces::new(process.name, config.traces())?;
    watch_signals(Signals::listen()?, process.shutdown.clone());
    let surroundings = Tasks::new(process.shutdown.clone());
    spawn_upkeep(&surroundings, metrics.clone());
    if kind == Kind::Service {
        let health = Health::bind(config.health(), &process.readiness, Some(metrics))?;
        process.health = Some(health.address());
        tracing::info!(service = process.name, health = %health.address(), "starting");
        serve_health(&surroundings, health);
    }
    let started = tokio::select! {
        started = body(config, process.clone()) => started,
        () = grace_passed(&process.shutdown, limits.grace) => Err(anyhow::anyhow!("stopped while starting")),
    };
    if started.is_ok() && kind == Kind::Service {
        tracing::info!(service = process.name, "started");
        process.shutdown.cancelled().await;
    }
    let stopping = process.readiness.check("shutdown");
    stopping.fail("stopping");
    tracing::info!(service = process.name, "stopping: intake closed");
    let drained = process.drain(limits.grace, limits.flush).await;
    let traces = process.traces.clone();
    // Its end is a matter of the flush's time, and nothing waits for what is not sent.
    let _ = tokio::task::spawn_blocking(move || traces.flush(limits.flush)).await;
    surroundings.drain(Duration::from_secs(2)).await;
    tracing::info!(service = process.name, drained, "stopped");
    started?;
    process
        .tasks
        .failure()
        .map_or(Ok(()), |failure| Err(failure.into()))
}

async fn grace_passed(shutdown: &CancellationToken, grace: Duration) {
    shutdown.cancelled().await;
    tokio::time::sleep(grace).await;
}

fn spawn_upkeep(tasks: &Tasks, metrics: PrometheusHandle) {
    let stopping = tasks.stopping();
    tasks.spawn("metrics-upkeep", async move {
        let mut ticks = tokio::time::interval(METRICS_UPKEEP);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            metrics.run_upkeep();
        }
    });
}

fn serve_health(tasks: &Tasks, health: Health) {
    let (server, handle) = health.server();
    let stopping = tasks.stopping();
    tasks.spawn("health", async move {
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return ended,
            () = stopping.cancelled() => {}
        }
        let ((), ended) = tokio::join!(handle.stop(true), server);
        ended
    });
}

/// Not an owned task: it must outlive them all, to force the exit while they drain.
#[expect(
    clippy::disallowed_methods,
    reason = "ends with the runtime, by design"
)]
fn watch_signals(mut signals: Signals, shutdown: CancellationToken) {
    tokio::spawn(async move {
        let name = signals.next().await;
        tracing::info!(signal = name, "asked to stop");
        shutdown.cancel();
        let name = signals.next().await;
        tracing::warn!(signal = name, "asked again: exiting at once");
        std::process::exit(i32::from(EXIT_FORCED));
    });
}
