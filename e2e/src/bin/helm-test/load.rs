//! One trigger a second, and a schedule beside it, for as long as the steps take.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{SecondsFormat, TimeDelta, Utc};
use e2e::{Client, StartCounter};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Between two triggers.
const EVERY: Duration = Duration::from_secs(1);
/// Between two instants of the schedule, in seconds.
pub(crate) const PERIOD: i64 = 5;
/// A client gives up an answer after this, and asks again with the same key.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is not accepted by then is an error of the run.
const LIMIT: Duration = Duration::from_mins(1);

/// What an operator does, and when.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// A trigger that was accepted.
pub(crate) struct Trigger {
    /// By which its program reports its start.
    pub(crate) name: String,
    pub(crate) exec: String,
    pub(crate) at: Instant,
    /// Until the answer.
    pub(crate) took: Duration,
    pub(crate) tries: u32,
}

/// A load that goes on.
pub(crate) struct Load {
    client: Client,
    triggered: i64,
    scheduled: i64,
    steps: Vec<Step>,
    stop: oneshot::Sender<()>,
    driving: JoinSet<Result<Vec<Trigger>>>,
}

/// A load that has ended.
pub(crate) struct Done {
    pub(crate) triggered: i64,
    pub(crate) scheduled: i64,
    pub(crate) steps: Vec<Step>,
    pub(crate) triggers: Vec<Trigger>,
}

impl Load {
    pub(crate) async fn start(client: Client, counter: &StartCounter) -> Result<Self> {
        let reports = |name: &str| format!("sh -c '{}'", counter.report(name));
        let variable = json!({ "runtime_vars": { "NAME": "" } });
        let triggered = client.create_job(&reports("$NAME"), variable).await?;
        let begin = Utc::now() + TimeDelta::seconds(PERIOD);
        let begin = begin.to_rfc3339_opts(SecondsFormat::Secs, true);
        let schedule = json!({
            "schedule_mode": format!("R/{begin}/PT{PERIOD}S"),
            "is_schedule_active": true,
            "overlap_policy": "allow",
        });
        let scheduled = client
            .create_job(&reports("s-$(hostname)"), schedule)
            .await?;
        let (stop, stopped) = oneshot::channel();
        let mut driving = JoinSet::new();
        driving.spawn(drive(client.clone(), triggered, stopped));
        Ok(Self {
            client,
            triggered,
            scheduled,
            steps: Vec::new(),
            stop,
            driving,
        })
    }

    /// Does one step, and lets the load go on for a while after it.
    pub(crate) async fn during(
        &mut self,
        name: &str,
        step: impl Future<Output = Result<()>>,
        settle: Duration,
    ) -> Result<()> {
        let from = Instant::now();
        step.await.with_context(|| name.to_owned())?;
        sleep(settle).await;
        self.steps.push(Step {
            name: name.to_owned(),
            from,
            to: Instant::now(),
        });
        Ok(())
    }

    /// Ends it: nothing is triggered or fires any more.
    pub(crate) async fn finish(mut self) -> Result<Done> {
        // Only a load that failed does not listen, and says why below.
        let _ = self.stop.send(());
        let triggers = self.driving.join_next().await.context("nobody drives")??;
        let job = format!("/v1/jobs/{}", self.scheduled);
        let pause = json!({ "is_schedule_active": false });
        self.client.send("PATCH", &job, Some(pause), 200).await?;
        Ok(Done {
            triggered: self.triggered,
            scheduled: self.scheduled,
            steps: self.steps,
            triggers: triggers?,
        })
    }
}

async fn drive(
    client: Client,
    job: i64,
    mut stopped: oneshot::Receiver<()>,
) -> Result<Vec<Trigger>> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut triggers = JoinSet::new();
    for number in 0.. {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut stopped => break,
        }
        triggers.spawn(trigger(client.clone(), job, format!("t-{number}")));
    }
    triggers.join_all().await.into_iter().collect()
}

/// Asks until it is accepted, as a careful client does.
async fn trigger(client: Client, job: i64, name: String) -> Result<Trigger> {
    let at = Instant::now();
    let body = json!({ "runtime_vars": { "NAME": name } });
    let mut tries = 1;
    loop {
        let asked = client.trigger_once(job, &name, body.clone());
        let answer = timeout(PATIENCE, asked).await;
        let failure = match answer {
            Ok(Ok(exec)) => {
                let took = at.elapsed();
                return Ok(Trigger {
                    name,
                    exec: exec.id,
                    at,
                    took,
                    tries,
                });
            }
            Ok(Err(error)) => error,
            Err(late) => late.into(),
        };
        if at.elapsed() > LIMIT {
            return Err(failure.context(format!("{name} was not accepted")));
        }
        tries += 1;
        sleep(Duration::from_millis(200)).await;
    }
}
