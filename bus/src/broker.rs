//! What a service holds of the broker: its two supervised connections and the
//! loops that run on them, owned by the process's task groups.

use std::future::Future;
use std::sync::Arc;

use chassis::{ConfigError, Process};
use shared_types::message::ExecMessage;
use tokio::sync::watch;

use crate::config::BrokerConfig;
use crate::consumer::{Delivery, ExecConsumer};
use crate::hints::{self, Hints};
use crate::link::{Connected, Link, Live, Role};
use crate::publisher::{self, Publisher};
use crate::sessions::Sessions;
use crate::topology::HintBinding;

/// The broker, whether or not it can be reached now.
#[derive(Clone)]
pub struct Bus {
    config: BrokerConfig,
    process: Process,
    consuming: watch::Sender<Option<Live>>,
    connected: Arc<Connected>,
    publisher: Publisher,
}

impl Bus {
    /// Starts both connections and the publisher in the background; returns at
    /// once. The error is about `[broker]`, never about the broker.
    ///
    /// Connections and publisher stop with `process.flush`, so that work which
    /// ends during a shutdown can still be announced and acked.
    pub fn connect(config: BrokerConfig, process: &Process) -> Result<Self, ConfigError> {
        let (uri, tls) = (config.uri()?, config.tls()?);
        let connected = Arc::new(Connected::new());
        let link = |role| Link {
            role,
            service: process.name,
            uri: uri.clone(),
            tls: tls.clone(),
            live: watch::Sender::new(None),
            connected: connected.clone(),
            stopping: process.flush.stopping(),
        };
        let (publish, consume) = (link(Role::Publish), link(Role::Consume));
        let consuming = consume.live.clone();
        let sessions = Sessions::new("publisher", &publish.live, process.flush.stopping());
        let (publisher, sender) = publisher::pair(&config, process.flush.stopping());
        process
            .flush
            .spawn("broker-publisher", sender.run(sessions));
        process.flush.spawn("broker-link-publish", publish.run());
        process.flush.spawn("broker-link-consume", consume.run());
        Ok(Self {
            config,
            process: process.clone(),
            consuming,
            connected,
            publisher,
        })
    }

    /// Whether both connections are up. Not a matter of readiness: a service
    /// without its broker is slower, not broken.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Whether the publishing connection is up; what is announced while it is not
    /// waits in the queue.
    pub fn publishing(&self) -> watch::Receiver<bool> {
        self.connected.publishing()
    }

    /// A handle to announce with; clones share one queue and one channel.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Handles the work of `region` with `handler`, up to `prefetch` at once, until
    /// the process stops. While `intake` is false nothing is taken from the queue
    /// and the handler is not called: what is in hand waits, unacked, which uses up
    /// no deliveries.
    pub fn consume_execs<H, F>(&self, region: &str, intake: watch::Receiver<bool>, handler: H)
    where
        H: Fn(ExecMessage) -> F + Send + Sync + 'static,
        F: Future<Output = Delivery> + Send + 'static,
    {
        let stopping = self.process.tasks.stopping();
        let name = format!("exec-consumer {region}");
        let sessions = Sessions::new(name.as_str(), &self.consuming, stopping.clone());
        let consumer = ExecConsumer::new(region, self.config.prefetch, (intake, stopping), handler);
        self.process.tasks.spawn(name, consumer.run(sessions));
    }

    /// The hints of `bindings`, on a queue of this replica's own that is bound again
    /// after each reconnect. Hints of the time between are missed, and so are those
    /// that find the reader `hint_capacity` behind.
    pub fn hints(&self, bindings: Vec<HintBinding>) -> Hints {
        let stopping = self.process.tasks.stopping();
        let sessions = Sessions::new("hints", &self.consuming, stopping.clone());
        let (hints, reader) = hints::pair(bindings, self.config.hint_capacity, stopping);
        self.process
            .tasks
            .spawn("broker-hints", reader.run(sessions));
        hints
    }
}
