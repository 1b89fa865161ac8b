//! What became of every trigger and every planned instant, by what programs reported.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, FixedOffset};
use e2e::{Client, StartCounter};
use serde_json::Value;
use tokio::time::sleep;

use crate::load::{Done, PERIOD, Step, Trigger};

const LIMIT: Duration = Duration::from_mins(3);

pub(crate) struct Report {
    rows: Vec<Row>,
    schedule: Schedule,
    /// Execs that did not succeed, or of which the log is not whole.
    bad: Vec<String>,
}

/// What happened while one step was done.
#[derive(Default)]
struct Row {
    step: String,
    seconds: f64,
    triggers: usize,
    retried: usize,
    slowest_answer: f64,
    slowest_start: f64,
    lost: usize,
    double: usize,
}

#[derive(Default)]
struct Schedule {
    instants: usize,
    outcomes: BTreeMap<String, usize>,
    slowest_start: f64,
    lost: usize,
    double: usize,
}

impl Report {
    /// Waits for the last exec to end, then counts.
    pub(crate) async fn of(client: &Client, done: &Done, counter: &StartCounter) -> Result<Self> {
        let triggered = ended(client, done.triggered).await?;
        let scheduled = ended(client, done.scheduled).await?;
        let slots = client
            .all(&format!("/v1/jobs/{}/slots?page_size=100", done.scheduled))
            .await?;
        let mut bad = Vec::new();
        for (job, execs) in [(done.triggered, &triggered), (done.scheduled, &scheduled)] {
            for exec in execs.values() {
                bad.extend(complaint(client, job, exec).await?);
            }
        }
        let row = |step: &Step| Row::of(step, done, &triggered, counter);
        Ok(Self {
            rows: done.steps.iter().map(row).collect::<Result<_>>()?,
            schedule: Schedule::of(&slots, &scheduled, counter)?,
            bad,
        })
    }

    pub(crate) fn verdict(&self) -> Result<()> {
        let wrong = |row: &Row| row.lost + row.double > 0 || row.triggers == 0;
        ensure!(!self.rows.iter().any(wrong), "execs were lost or doubled");
        let Schedule { lost, double, .. } = self.schedule;
        ensure!(lost + double == 0, "instants were lost or doubled");
        ensure!(self.bad.is_empty(), "{:#?}", self.bad);
        Ok(())
    }
}

/// The execs of a job by their ids, once all have ended.
async fn ended(client: &Client, job: i64) -> Result<HashMap<String, Value>> {
    let begun = Instant::now();
    loop {
        let path = format!("/v1/jobs/{job}/execs?page_size=100");
        let execs = client.all(&path).await?;
        let open = |exec: &&Value| matches!(exec["status"].as_str(), Some("W" | "R"));
        if !execs.iter().any(|exec| open(&exec)) {
            let id = |exec: &Value| exec["id"].as_str().unwrap_or_default().to_owned();
            return Ok(execs.into_iter().map(|exec| (id(&exec), exec)).collect());
        }
        ensure!(begun.elapsed() < LIMIT, "some execs do not end: {execs:#?}");
        sleep(Duration::from_secs(1)).await;
    }
}

/// What is wrong with an exec, if anything is.
async fn complaint(client: &Client, job: i64, exec: &Value) -> Result<Option<String>> {
    let id = exec["id"].as_str().context("an exec has an id")?;
    if exec["status"] != "S" {
        return Ok(Some(format!(
            "{id}: {} {}",
            exec["status"], exec["message"]
        )));
    }
    let named = e2e::client::Exec {
        job,
        id: id.to_owned(),
    };
    let headers = client.log_headers(&named).await?;
    let whole = headers
        .get("x-log-complete")
        .is_some_and(|value| value == "true");
    Ok((!whole).then(|| format!("{id}: the log is not whole")))
}

impl Row {
    fn of(
        step: &Step,
        done: &Done,
        execs: &HashMap<String, Value>,
        counter: &StartCounter,
    ) -> Result<Self> {
        let of_step = |trigger: &&Trigger| (step.from..step.to).contains(&trigger.at);
        let mut row = Self {
            step: step.name.clone(),
            seconds: (step.to - step.from).as_secs_f64(),
            ..Self::default()
        };
        for trigger in done.triggers.iter().filter(of_step) {
            row.triggers += 1;
            row.retried += usize::from(trigger.tries > 1);
            row.slowest_answer = row.slowest_answer.max(trigger.took.as_secs_f64());
            match counter.starts_of(&trigger.name) {
                0 => row.lost += 1,
                1 => {}
                _ => row.double += 1,
            }
            let exec = execs
                .get(&trigger.exec)
                .context("an accepted exec is not listed")?;
            row.slowest_start = row
                .slowest_start
                .max(seconds(exec, "created_at", "started_at")?);
        }
        Ok(row)
    }
}

impl Schedule {
    fn of(slots: &[Value], execs: &HashMap<String, Value>, counter: &StartCounter) -> Result<Self> {
        let mut schedule = Self::default();
        let mut instants = Vec::new();
        for slot in slots {
            let outcome = slot["outcome"].as_str().context("a slot has an outcome")?;
            let why = slot["reason"].as_str().unwrap_or_default();
            let outcome = format!("{outcome} {why}").trim_end().to_owned();
            *schedule.outcomes.entry(outcome).or_default() += 1;
            instants.push(instant(slot, "slot_at")?);
        }
        instants.sort_unstable();
        // Each instant once, and none left out between the first and the last.
        schedule.instants = instants.len();
        let gaps = instants
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).num_seconds());
        for gap in gaps {
            schedule.double += usize::from(gap == 0);
            schedule.lost += usize::from(gap > PERIOD);
        }
        for (id, exec) in execs {
            let prefix = format!("s-x-{}-", id.replace('-', ""));
            match counter.starts_with(&prefix) {
                0 => schedule.lost += 1,
                1 => {}
                _ => schedule.double += 1,
            }
            let late = seconds(exec, "slot_at", "started_at")?;
            schedule.slowest_start = schedule.slowest_start.max(late);
        }
        let fired = schedule.outcomes.get("fired").copied().unwrap_or_default();
        ensure!(fired == execs.len(), "{fired} fired, {} execs", execs.len());
        Ok(schedule)
    }
}

fn instant(object: &Value, field: &str) -> Result<DateTime<FixedOffset>> {
    let text = object[field]
        .as_str()
        .with_context(|| format!("no {field}: {object:#}"))?;
    Ok(DateTime::parse_from_rfc3339(text)?)
}

fn seconds(exec: &Value, from: &str, to: &str) -> Result<f64> {
    Ok((instant(exec, to)? - instant(exec, from)?).as_seconds_f64())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:>5} {:>8} {:>8} {:>12} {:>12} {:>5} {:>7}",
            "step", "s", "triggers", "retried", "answer max s", "start max s", "lost", "double"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<28} {:>5.0} {:>8} {:>8} {:>12.2} {:>12.2} {:>5} {:>7}",
                row.step,
                row.seconds,
                row.triggers,
                row.retried,
                row.slowest_answer,
                row.slowest_start,
                row.lost,
                row.double
            )?;
        }
        let Schedule {
            instants,
            outcomes,
            slowest_start,
            lost,
            double,
        } = &self.schedule;
        write!(
            f,
            "the schedule: {instants} instants {outcomes:?}, started at most \
             {slowest_start:.2} s late, {lost} lost, {double} double"
        )
    }
}
