//! The gateway from configuration to answering requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web;
use bus::{Bus, HintBinding};
use chassis::{Backoff, ConfigError, Latch, Process};
use moka::sync::Cache;
use store::secrets::{Keyring, SecretsConfig};
use store::{DatabaseRole, Store, StoreError, idempotency};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::accounts::password::{PasswordConfig, Passwords};
use crate::catalog::Catalog;
use crate::config::{ApiConfig, Config};
use crate::execs::together::Together;
use crate::execs::waiting::{self, Waiting};
use crate::gateway::Gateway;
use crate::logs::followers::Followers;
use crate::reply::error::causes;
use crate::reply::links::LinkBase;
use crate::request::Edge;
use crate::request::limits::Limits;
use crate::request::places::Rooms;
use crate::request::server;
use crate::request::turns::Turns;
use crate::tokens::verified::VerifiedTokens;

/// How much longer than needed an answer may be kept.
const PURGE_INTERVAL: Duration = Duration::from_mins(10);

/// Jobs whose namespace is remembered, in a few megabytes.
const NAMESPACES_KNOWN: u64 = 50_000;

/// Why the gateway cannot start.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The connection pool could not be made.
    #[error("cannot use the database")]
    Store(#[source] StoreError),
    /// The public port is taken or not ours.
    #[error("cannot listen on {address} (api.listen)")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// A gateway that is bound and not yet running.
pub struct Api {
    address: SocketAddr,
    server: Server,
    store: Store,
}

/// Builds and runs the gateway; returns when it is started.
pub async fn start(config: Config, process: Process) -> anyhow::Result<()> {
    let api = Api::build(config, &process).map_err(|error| match error {
        // Unwrapped, so that the process ends with the code for it.
        BuildError::Config(error) => error.into(),
        error => anyhow::Error::from(error),
    })?;
    tracing::info!(address = %api.address(), "the API listens");
    api.run(&process);
    Ok(())
}

impl Api {
    /// Binds the public port and connects to nothing yet: database and broker
    /// may come later than the gateway.
    pub fn build(config: Config, process: &Process) -> Result<Self, BuildError> {
        let links = LinkBase {
            public_url: public_url(&config.api)?,
            behind_proxy: config.api.trusted_proxies > 0,
        };
        let catalog = Catalog::new(
            config.regions,
            config.sizes,
            config.schedules.shortest_period,
        )?;
        let store =
            Store::new(&config.database, DatabaseRole::Gateway).map_err(BuildError::Store)?;
        let bus = Bus::connect(config.broker, process)?;
        let gateway = Gateway {
            together: Together::new(store.clone(), bus.publisher(), process.tasks.clone()),
            namespaces: Cache::new(NAMESPACES_KNOWN),
            passwords: passwords(config.passwords)?,
            registration: config.registration,
            waiting: wait_room(&config.api, (&bus, &store), process),
            followers: follow_room(&config.api, &store, process),
            turns: Turns::new(config.api.requests_per_account),
            limits: Arc::new(Limits::new(&config.limits)?),
            tokens: VerifiedTokens::new(store.clone()),
            keyring: keyring(&config.secrets)?,
            store: store.clone(),
            publisher: bus.publisher(),
            runtime: Handle::current(),
            tasks: process.tasks.clone(),
            catalog,
        };
        let shared = Shared {
            gateway: web::Data::new(gateway),
            links: web::Data::new(links),
            edge: web::Data::new(Edge {
                trusted_proxies: config.api.trusted_proxies,
                body_timeout: config.api.body_timeout,
                request_timeout: config.api.request_timeout,
                traces: process.traces.clone(),
            }),
        };
        let shared = move |config: &mut web::ServiceConfig| shared.clone().configure(config);
        let bound = server::bind(&config.api, config.shutdown.grace, shared);
        let (address, server) = bound.map_err(|source| BuildError::Bind {
            address: config.api.listen,
            source,
        })?;
        Ok(Self {
            address,
            server,
            store,
        })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the process stops; those that have begun by then
    /// are finished.
    pub fn run(self, process: &Process) {
        let control = self.server.handle();
        let stopping = process.tasks.stopping();
        process.tasks.spawn("http", async move {
            let server = self.server;
            tokio::pin!(server);
            tokio::select! {
                ended = &mut server => return ended,
                () = stopping.cancelled() => {}
            }
            let ((), ended) = tokio::join!(control.stop(true), server);
            ended
        });
        process
            .tasks
            .spawn("purge", purge(self.store.clone(), process.tasks.stopping()));
        let reached = process.readiness.latch("database");
        let stopping = process.tasks.stopping();
        process.tasks.spawn_finite(async move {
            let reach = reach_database(self.store, reached);
            stopping.run_until_cancelled(reach).await
        });
    }
}

/// Where requests wait for execs, and the loop that wakes them.
fn wait_room(config: &ApiConfig, (bus, store): (&Bus, &Store), process: &Process) -> Waiting {
    let waiting = Waiting::new(Rooms {
        all: config.waiting,
        account: config.waiting_per_account,
    });
    let hints = bus.hints(vec![HintBinding::AnyExecChanged]);
    let stopping = process.tasks.stopping();
    let serving = waiting
        .clone()
        .serve(store.clone(), (hints, waiting::INTERVAL), stopping);
    process.tasks.spawn("waiting", serving);
    waiting
}

fn follow_room(config: &ApiConfig, store: &Store, process: &Process) -> Followers {
    let followers = Followers::new(Rooms {
        all: config.followers,
        account: config.followers_per_account,
    });
    let stopping = process.tasks.stopping();
    let serving = followers.clone().serve(store.clone(), stopping);
    process.tasks.spawn("followers", serving);
    followers
}

/// Readiness waits for the first connection and not for later ones: all
/// gateways share the database, and a 503 says more than a refused connection.
async fn reach_database(store: Store, reached: Latch) {
    let mut backoff = Backoff::default();
    while let Err(error) = store.connection().await {
        tracing::warn!(error = causes(&error), "the database cannot be reached yet");
        tokio::time::sleep(backoff.next_delay()).await;
    }
    reached.release();
}

fn passwords(config: PasswordConfig) -> Result<Passwords, ConfigError> {
    Passwords::new(config).map_err(|why| ConfigError::invalid("passwords.parallel", why))
}

/// The configured keys.
pub(crate) fn keyring(config: &SecretsConfig) -> Result<Keyring, ConfigError> {
    Keyring::new(config).map_err(|why| ConfigError::invalid("secrets.keys", why))
}

/// Answers kept for idempotency keys go when they are old. Replicas may meet:
/// what one has taken the other does not find.
async fn purge(store: Store, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(PURGE_INTERVAL);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        let purged = async { idempotency::purge(&mut *store.connection().await?).await };
        if let Err(error) = purged.await {
            tracing::warn!(error = causes(&error), "old answers could not be purged");
        }
    }
}

fn public_url(config: &ApiConfig) -> Result<Option<Url>, ConfigError> {
    let parse = |text: &String| {
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| ConfigError::invalid("api.public_url", "is not an http or https URL"))
    };
    config.public_url.as_ref().map(parse).transpose()
}

/// What middlewares and handlers find in every request.
#[derive(Clone)]
struct Shared {
    gateway: web::Data<Gateway>,
    links: web::Data<LinkBase>,
    edge: web::Data<Edge>,
}

impl Shared {
    fn configure(self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.gateway)
            .app_data(self.links)
            .app_data(self.edge);
    }
}
