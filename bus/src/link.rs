//! Supervisor of one connection. lapin's own recovery stays off: it gives up after
//! 16 attempts and cannot tell what was lost. Here a connection is either live or
//! gone; whoever used it builds its channel anew on the next one.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::Backoff;
use futures::StreamExt;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionBuilder, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// lapin says how a connection ends in an event; this finds one that ended without.
const STATUS_CHECK: Duration = Duration::from_secs(5);

/// How long the broker may take for one call.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// How long a connection that nobody needs may take to close in order.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Makes broker calls that are worthless without an answer: after the limit the
/// channel is taken for broken.
pub(crate) async fn limited<T>(calls: impl Future<Output = lapin::Result<T>>) -> lapin::Result<T> {
    tokio::time::timeout(CALL_LIMIT, calls)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// A connection that was up when it was handed out.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) connection: Arc<Connection>,
    /// Cancelled when the connection is gone.
    pub(crate) lost: CancellationToken,
}

impl Live {
    /// Makes broker calls on a channel's way up or down.
    pub(crate) async fn call<T>(
        &self,
        calls: impl Future<Output = lapin::Result<T>>,
    ) -> lapin::Result<T> {
        self.within(limited(calls)).await
    }

    /// Runs broker calls no longer than the connection lives: an answer that was
    /// on its way when it ended may never come.
    pub(crate) async fn within<T>(
        &self,
        calls: impl Future<Output = lapin::Result<T>>,
    ) -> lapin::Result<T> {
        let gone = || std::io::Error::from(std::io::ErrorKind::NotConnected).into();
        self.lost
            .run_until_cancelled(calls)
            .await
            .unwrap_or_else(|| Err(gone()))
    }
}

/// Which connections of this process are up, as one answer.
pub(crate) struct Connected {
    up: Mutex<[bool; 2]>,
    all: watch::Sender<bool>,
    publishing: watch::Sender<bool>,
}

impl Connected {
    pub(crate) fn new() -> Self {
        Self {
            up: Mutex::new([false; 2]),
            all: watch::Sender::new(false),
            publishing: watch::Sender::new(false),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.all.subscribe()
    }

    pub(crate) fn publishing(&self) -> watch::Receiver<bool> {
        self.publishing.subscribe()
    }

    fn set(&self, role: Role, up: bool) {
        let mut states = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        states[role as usize] = up;
        self.all.send_replace(states.iter().all(|up| *up));
        if matches!(role, Role::Publish) {
            self.publishing.send_replace(up);
        }
        metrics::gauge!("escapement_broker_connected", "connection" => role.name()).set(if up {
            1.0
        } else {
            0.0
        });
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Publish = 0,
    Consume = 1,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        }
    }
}

/// One connection, kept up until `stopping` and until nobody uses it any more.
pub(crate) struct Link {
    pub(crate) role: Role,
    pub(crate) service: &'static str,
    pub(crate) uri: AMQPUri,
    pub(crate) tls: OwnedTLSConfig,
    pub(crate) live: watch::Sender<Option<Live>>,
    pub(crate) connected: Arc<Connected>,
    pub(crate) stopping: CancellationToken,
}

impl Link {
    /// The driver: connect, wait for the end of it, back off.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::default();
        let mut told = false;
        self.connected.set(self.role, false);
        loop {
            let attempt = tokio::select! {
                attempt = self.connect() => attempt,
                () = self.unused() => return,
            };
            match attempt {
                Ok(connection) => {
                    tracing::info!(connection = self.role.name(), "broker connected");
                    told = false;
                    let since = Instant::now();
                    if !self.serve(Arc::new(connection)).await {
                        return;
                    }
                    backoff.healthy_for(since.elapsed());
                }
                Err(error) if told => tracing::debug!(%error, "broker still away"),
                Err(error) => {
                    told = true;
                    let connection = self.role.name();
                    tracing::warn!(connection, %error, "broker away; trying until it is back");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next_delay()) => {}
                () = self.unused() => return,
            }
        }
    }

    async fn connect(&self) -> lapin::Result<Connection> {
        let name = format!("{} {}", self.service, self.role.name());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let limit = Duration::from_millis(self.uri.query.connection_timeout.unwrap_or(10_000));
        // lapin's limit covers the socket only; a broker may accept and then say nothing.
        let connection = ConnectionBuilder::new()?
            .with_uri(self.uri.clone())
            .with_properties(properties)
            .with_tls_config(self.tls.clone());
        tokio::time::timeout(limit, connection.connect())
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Hands the connection out until it is gone (true) or no longer needed (false).
    async fn serve(&self, connection: Arc<Connection>) -> bool {
        let lost = CancellationToken::new();
        let live = Live {
            connection: connection.clone(),
            lost: lost.clone(),
        };
        self.live.send_replace(Some(live));
        self.connected.set(self.role, true);
        let gone = tokio::select! {
            why = end_of(&connection) => {
                tracing::warn!(connection = self.role.name(), why, "broker connection lost");
                true
            }
            () = self.unused() => false,
        };
        self.live.send_replace(None);
        lost.cancel();
        self.connected.set(self.role, false);
        if !gone {
            // It may be gone already; then there is nothing to close. Nor is it
            // waited for long: a channel that closes at the same moment can take
            // the answer with it, and all that mattered is confirmed by now.
            let close = connection.close(200, "stopping".into());
            let _ = tokio::time::timeout(CLOSE_LIMIT, close).await;
        }
        gone
    }

    async fn unused(&self) {
        self.stopping.cancelled().await;
        self.live.closed().await;
    }
}

/// Waits until the connection has ended, and says why.
async fn end_of(connection: &Connection) -> String {
    let events = connection.events_listener();
    futures::pin_mut!(events);
    let mut checks = tokio::time::interval(STATUS_CHECK);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Error(error)) => return error.to_string(),
                Some(Event::ConnectionBlocked(reason)) => {
                    tracing::warn!(reason, "broker blocks publishing");
                }
                Some(Event::ConnectionUnblocked) => tracing::info!("broker takes messages again"),
                Some(_) => {}
                None => return "closed".to_owned(),
            },
            _ = checks.tick() => if !connection.status().connected() {
                return "no longer connected".to_owned();
            },
        }
    }
}
