//! One program that prints for a long time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::Client;
use serde_json::json;

use crate::cuts::Cuts;

/// Lines of one burst: half of them to each output.
const BURST: u64 = 12;

/// Bursts in a second, as fast as the shell gets to it.
const BURSTS: u64 = 100;

/// Each text is printed so often in a row: a prime for each output.
const REPEATS: [(char, u64); 2] = [('o', 7), ('e', 5)];

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
#[expect(clippy::cast_precision_loss, reason = "figures to read")]
pub(crate) async fn run(client: &Client, cuts: &Cuts, seconds: u64) -> Result<()> {
    let count = seconds * BURSTS * BURST / 2;
    let [(_, out), (_, error)] = REPEATS;
    let command = format!(
        "sh -c 'i=0; while [ $i -lt {count} ]; do j=0; while [ $j -lt {} ]; do \
         echo o $((i / {out})); echo e $((i / {error})) >&2; i=$((i+1)); j=$((j+1)); done; \
         usleep 9000; done'",
        BURST / 2,
    );
    let job = client
        .create_job(&command, json!({ "resource_size": "M" }))
        .await?;
    let (began, cut) = (Instant::now(), cuts.count());
    let exec = client.trigger(job).await?;
    client
        .wait(&exec, "S", Duration::from_secs(3 * seconds + 120))
        .await?;
    let took = began.elapsed().as_secs_f64();
    let cut = cuts.count() - cut;
    let seal = client.sealed(&exec).await?;
    let text = client.download(&exec).await?.text().await?;
    for (output, repeats) in REPEATS {
        let head = format!("{output} ");
        let stored = text.lines().filter(|line| line.starts_with(&head));
        let printed = (0..count).map(|n| format!("{output} {}", n / repeats));
        ensure!(
            stored.eq(printed),
            "what {output} printed is not what is stored"
        );
    }
    ensure!(text.lines().count() as u64 == 2 * count, "lines of nobody");
    // A rotation while nothing is connected leaves a place where a reader cannot know that
    // nothing is missing, so it has to be marked.
    let gaps = seal["gaps"].as_array().context("a seal has gaps")?.len();
    ensure!(seal["complete"] == (gaps == 0), "{seal:#}");
    println!(
        "{} lines of two outputs, {:.0} a second, all connections cut {cut} times: stored as \
         printed, each output in order, {gaps} places marked",
        2 * count,
        (2 * count) as f64 / took,
    );
    Ok(())
}
