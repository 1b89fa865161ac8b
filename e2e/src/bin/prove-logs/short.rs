//! Many programs that live a few milliseconds.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::Client;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::cuts::Cuts;

const COMMAND: &str = "sh -c 'echo begin; echo error >&2; usleep 5000; echo end'";

/// Of them at a time.
const AT_ONCE: usize = 20;

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(client: &Client, cuts: &Cuts, execs: usize) -> Result<()> {
    let job = client.create_job(COMMAND, json!({})).await?;
    let (began, cut) = (Instant::now(), cuts.count());
    let one = |_| async move {
        let exec = client.trigger(job).await?;
        client.wait(&exec, "S", Duration::from_mins(5)).await?;
        let seal = client.sealed(&exec).await?;
        let text = client.download(&exec).await?.text().await?;
        let out: Vec<_> = text.lines().filter(|line| *line != "error").collect();
        ensure!(out == ["begin", "end"], "{text:?}");
        ensure!(text.lines().count() == 3, "{text:?}");
        ensure!(seal["complete"] == true, "{seal:#}");
        Ok(())
    };
    let all = stream::iter(0..execs).map(one).buffer_unordered(AT_ONCE);
    all.try_collect::<()>().await?;
    println!(
        "{execs} programs of 5 ms in {:.0} s, all connections cut {} times: no log is empty, \
         none lacks a line, all are complete",
        began.elapsed().as_secs_f64(),
        cuts.count() - cut,
    );
    Ok(())
}
