//! The gateway from configuration to answering requests.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::{App, HttpServer, web};
use bus::Bus;
use chassis::{Backoff, ConfigError, Latch, Process};
use store::{Role, Store, StoreError};
use thiserror::Error;
use url::Url;

use crate::catalog::Catalog;
use crate::config::{ApiConfig, Config};
use crate::gateway::Gateway;
use crate::http::links::LinkBase;
use crate::http::{request_log, routes};

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
#[expect(clippy::unused_async, reason = "what chassis::main starts is a future")]
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
        let links = LinkBase(public_url(&config.api)?);
        let catalog = Catalog::new(config.regions, config.sizes)?;
        let store = Store::new(&config.database, Role::Gateway).map_err(BuildError::Store)?;
        let gateway = Gateway {
            store: store.clone(),
            publisher: Bus::connect(config.broker, process)?.publisher(),
            tasks: process.tasks.clone(),
            catalog,
        };
        let (address, server) = bind(&config.api, config.shutdown.grace, gateway, links)?;
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
        let reached = process.readiness.latch("database");
        let stopping = process.tasks.stopping();
        process.tasks.spawn_finite(async move {
            let reach = reach_database(self.store, reached);
            stopping.run_until_cancelled(reach).await
        });
    }
}

/// Readiness waits for the first connection and not for later ones: all
/// gateways share the database, and a 503 says more than a refused connection.
async fn reach_database(store: Store, reached: Latch) {
    let mut backoff = Backoff::default();
    while let Err(error) = store.connection().await {
        tracing::warn!(
            error = request_log::causes(&error),
            "the database cannot be reached yet"
        );
        tokio::time::sleep(backoff.next_delay()).await;
    }
    reached.release();
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

fn bind(
    config: &ApiConfig,
    grace: Duration,
    gateway: Gateway,
    links: LinkBase,
) -> Result<(SocketAddr, Server), BuildError> {
    let (gateway, links) = (web::Data::new(gateway), web::Data::new(links));
    let http = HttpServer::new(move || {
        App::new()
            .app_data(gateway.clone())
            .app_data(links.clone())
            .wrap(NormalizePath::trim())
            .wrap(from_fn(request_log::observe))
            .configure(routes::configure)
    })
    .workers(config.workers)
    .disable_signals()
    .shutdown_timeout(grace.as_secs())
    .bind(config.listen)
    .map_err(|source| BuildError::Bind {
        address: config.listen,
        source,
    })?;
    let address = http.addrs().first().copied().unwrap_or(config.listen);
    Ok((address, http.run()))
}
