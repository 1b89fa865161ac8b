//! Waiting for a fact, never for time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// From one question to the next.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

/// Asks until the answer is true; `limit` bounds the whole wait.
pub async fn until<F>(what: &str, limit: Duration, mut probe: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = bool>,
{
    let started = Instant::now();
    while !probe().await {
        if started.elapsed() > limit {
            bail!("{what}: not so after {} s", limit.as_secs());
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}

/// Whether an HTTP GET of this address answers 2xx within a second.
pub(crate) async fn answers(url: &str) -> bool {
    let client = reqwest::Client::new();
    let request = client.get(url).timeout(Duration::from_secs(1));
    matches!(request.send().await, Ok(answer) if answer.status().is_success())
}
