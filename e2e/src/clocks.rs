//! Programs that print the time since boot: whoever sees a line knows how long it was under
//! way, to 10 ms.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::Client;
use crate::client::Exec;

/// Lines of such a program in a second.
pub const RATE: u64 = 10;

/// The program that prints so many lines.
#[must_use]
pub fn command(lines: u64) -> String {
    format!(
        "sh -c 'i=0; while [ $i -lt {lines} ]; do read up _ </proc/uptime; echo $up; \
         i=$((i+1)); sleep 0.1; done'"
    )
}

/// How long each line was under way to a follower at the gateway; fails unless all came,
/// once and in order.
pub async fn followed(client: &Client, exec: &Exec, lines: u64) -> Result<Vec<Duration>> {
    let mut following = client.follow(exec, None).await?;
    let mut times = Vec::new();
    let mut last = String::new();
    while let Some(event) = following.next().await? {
        if event.kind == "end" {
            ensure!(event.data["status"] == "S", "{}", event.data);
            ensure!(times.len() as u64 == lines, "{} of {lines}", times.len());
            return Ok(times);
        }
        if event.data["platform"] == false {
            let text = event.data["message"].as_str().context("a line")?;
            ensure!(*text > *last, "{text} after {last}");
            text.clone_into(&mut last);
            times.push(since(text)?);
        }
    }
    anyhow::bail!("the stream ended without an end");
}

/// The time that has passed since a program printed this line.
pub fn since(line: &str) -> Result<Duration> {
    let now = std::fs::read_to_string("/proc/uptime")?;
    let now: f64 = now.split(' ').next().context("a time")?.parse()?;
    Ok(Duration::from_secs_f64(
        (now - line.parse::<f64>()?).max(0.0),
    ))
}
