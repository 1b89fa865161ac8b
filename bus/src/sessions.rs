//! What runs on a connection takes turns with its supervisor: work on a live one
//! until it ends, then wait for the next.

use std::time::{Duration, Instant};

use chassis::Backoff;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::link::Live;

/// One user's run of connections: the next live one, with a pause between two
/// failures on a connection that is itself well.
pub(crate) struct Sessions {
    name: String,
    live: watch::Receiver<Option<Live>>,
    stopping: CancellationToken,
    backoff: Backoff,
    started: Instant,
    delay: Option<Duration>,
}

impl Sessions {
    pub(crate) fn new(
        name: impl Into<String>,
        link: &watch::Sender<Option<Live>>,
        stopping: CancellationToken,
    ) -> Self {
        let (live, backoff) = (link.subscribe(), Backoff::default());
        Self {
            name: name.into(),
            live,
            stopping,
            backoff,
            started: Instant::now(),
            delay: None,
        }
    }

    /// The next connection to work on; `None` when it is time to stop.
    pub(crate) async fn next(&mut self) -> Option<Live> {
        let stopping = self.stopping.clone();
        let live = stopping.run_until_cancelled(self.connection()).await??;
        self.started = Instant::now();
        Some(live)
    }

    async fn connection(&mut self) -> Option<Live> {
        if let Some(delay) = self.delay.take() {
            tokio::time::sleep(delay).await;
        }
        let usable =
            |live: &Option<Live>| live.as_ref().is_some_and(|live| !live.lost.is_cancelled());
        self.live.wait_for(usable).await.ok()?.clone()
    }

    /// Says how the last session ended.
    pub(crate) fn ended(&mut self, live: &Live, result: lapin::Result<()>) {
        self.backoff.healthy_for(self.started.elapsed());
        if let Err(error) = result
            && live.connection.status().connected()
        {
            tracing::warn!(session = self.name, %error, "broker channel failed; opening another");
        }
        self.delay = Some(self.backoff.next_delay());
    }
}
