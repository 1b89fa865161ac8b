//! Followers of execs that wait.

use std::time::Duration;

use anyhow::Result;
use devstack::{Ring, Service};
use e2e::Client;
use e2e::usage::{cpu, cpu_of_all};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

/// How long idleness is watched.
const WATCHED: Duration = Duration::from_secs(30);

/// Requests that are begun at the same time.
const AT_ONCE: usize = 16;

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
pub(crate) async fn run(client: &Client, ring: &Ring, followers: usize) -> Result<()> {
    // What is triggered here is to wait; and what the others do is not to be counted.
    for service in [Service::Executor, Service::Scheduler, Service::Logs] {
        ring.stop(service).await?;
    }
    let job = client.create_job("true", json!({})).await?;
    let execs = stream::iter(0..followers).map(|_| client.trigger(job));
    let execs: Vec<_> = execs.buffered(AT_ONCE).try_collect().await?;
    let (gateway, postgres) = used(ring).await?;
    let following = stream::iter(&execs).map(|exec| client.follow(exec, None));
    let following: Vec<_> = following.buffered(AT_ONCE).try_collect().await?;
    // Each is told once what there is.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (with_gateway, with_postgres) = used(ring).await?;
    println!(
        "{} idle followers of as many execs: gateway {:.2} % of a core (without {:.2}), Postgres \
         {:.2} % (without {:.2}); together {:.2} % more (goal: at most 5)",
        following.len(),
        with_gateway,
        gateway,
        with_postgres,
        postgres,
        with_gateway + with_postgres - gateway - postgres,
    );
    Ok(())
}

/// Percent of a core that the gateway and all of Postgres use now.
async fn used(ring: &Ring) -> Result<(f64, f64)> {
    let pid = ring.pid(Service::Gateway, 1)?;
    let (gateway, postgres) = (cpu(pid)?, cpu_of_all("postgres")?);
    tokio::time::sleep(WATCHED).await;
    let percent = |seconds: f64| seconds * 100.0 / WATCHED.as_secs_f64();
    Ok((
        percent(cpu(pid)? - gateway),
        percent(cpu_of_all("postgres")? - postgres),
    ))
}
