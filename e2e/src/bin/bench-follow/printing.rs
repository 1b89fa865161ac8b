//! Followers of programs that print.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::clocks::{self, RATE, followed, since};
use e2e::{Client, Kubectl, Times};
use futures::future::{try_join, try_join_all};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::Options;

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(
    client: &Client,
    (kubectl, instance): (&Kubectl, &str),
    options: &Options,
) -> Result<()> {
    let lines = options.seconds * RATE;
    let job = client
        .create_job(&clocks::command(lines), json!({}))
        .await?;
    let execs = try_join_all((0..options.execs).map(|_| client.trigger(job))).await?;
    let ours = try_join_all(execs.iter().map(|exec| followed(client, exec, lines)));
    let limit = Duration::from_mins(5);
    let peers = async {
        for exec in &execs {
            client.wait(exec, "R", limit).await?;
        }
        let pods = kubectl.list("pods", instance).await?;
        let pods = pods
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running");
        let place = |pod: &serde_json::Value| {
            let text = |field: &str| pod["metadata"][field].as_str().map(str::to_owned);
            Some((text("namespace")?, text("name")?))
        };
        let places: Vec<_> = pods.filter_map(place).take(options.peers).collect();
        try_join_all(places.iter().map(peer)).await
    };
    let (ours, peers) = try_join(ours, peers).await?;
    for (name, times) in [("escapement", ours), ("kubectl logs -f", peers)] {
        let followed = times.len();
        let times: Times = times.into_iter().flatten().collect();
        println!(
            "{name}: {} lines of {followed} of {} programs, {RATE} a second each: p50 {:.0} ms, \
             p99 {:.0} ms, longest {:.0} ms",
            times.len(),
            options.execs,
            times.at(0.5),
            times.at(0.99),
            times.at(1.0),
        );
    }
    println!("goal: p50 at most 300 ms, p99 at most 1000 ms");
    Ok(())
}

/// How long lines were under way that are printed while kubectl follows.
async fn peer((namespace, pod): &(String, String)) -> Result<Vec<Duration>> {
    let mut child = Command::new(devstack::kubectl()?)
        .args(["logs", "--follow", "--tail=0", "--container=main"])
        .args(["--namespace", namespace, pod])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().context("its output is piped")?;
    let mut lines = BufReader::new(output).lines();
    let mut times = Vec::new();
    while let Some(line) = lines.next_line().await? {
        times.push(since(&line)?);
    }
    Ok(times)
}
