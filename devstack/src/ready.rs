//! Waiting for a process to do its work.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::tail;
use crate::process;
use crate::root::Root;
use crate::wait::INTERVAL;

/// Asks until the answer is true; gives up with the last words of the process when it
/// ends, and after `limit`.
pub(crate) async fn until_ready<F>(
    root: &Root,
    name: &str,
    limit: Duration,
    mut probe: impl FnMut() -> F,
) -> Result<()>
where
    F: Future<Output = bool>,
{
    let started = Instant::now();
    while !probe().await {
        let dead = !process::is_running(root, name)?;
        if dead || started.elapsed() > limit {
            let log = root.log(name);
            let fate = if dead { "ended" } else { "is not ready" };
            bail!(
                "{name} {fate} after {} s; end of {}:\n{}",
                started.elapsed().as_secs(),
                log.display(),
                tail(&log, 12)
            );
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}
