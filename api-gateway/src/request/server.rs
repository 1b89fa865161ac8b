//! The server: actix-web's application on connections that are held to our limits.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::web::ServiceConfig;
use tokio::net::{TcpSocket, TcpStream};

use super::admissions::Admissions;
use super::connection::{Connection, HeadLimits};
use super::guard;
use super::observe;
use crate::config::ApiConfig;
use crate::routes;

/// Who is let in, and how long a head may take.
#[derive(Debug, Clone)]
struct Gate {
    /// None behind proxies, where all clients have the proxies' addresses.
    admissions: Option<Admissions>,
    limits: HeadLimits,
}

impl Gate {
    fn new(config: &ApiConfig) -> Self {
        let limit = config.connections_per_address;
        let counts = limit > 0 && config.trusted_proxies == 0;
        Self {
            admissions: counts.then(|| Admissions::new(limit)),
            limits: HeadLimits {
                head: config.header_timeout,
                // The server itself closes what is idle; this is for a part of a head.
                idle: config.keep_alive + config.header_timeout,
            },
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
    ) -> Result<(Connection, Protocol, Option<SocketAddr>), DispatchError> {
        let peer = stream.peer_addr()?;
        let admitted = match &self.admissions {
            Some(admissions) => {
                let admitted = admissions.admit(peer.ip());
                let full = || DispatchError::Io(io::ErrorKind::QuotaExceeded.into());
                Some(admitted.ok_or_else(full)?)
            }
            None => None,
        };
        let connection = Connection::new(stream, self.limits, admitted);
        Ok((connection, Protocol::Http1, Some(peer)))
    }
}

/// How long what a client still sends is read when its answer did not wait for it, as
/// when its body is too large. Closed at once, the connection would be reset, and
/// the client might never see the answer.
const LINGER: Duration = Duration::from_secs(2);

/// Connections that ended with an error below HTTP, which no request log has.
fn count(error: DispatchError) -> DispatchError {
    let cause = match &error {
        DispatchError::Parse(_) => "malformed",
        DispatchError::SlowRequestTimeout | DispatchError::DisconnectTimeout => "slow",
        // The head that our own limit waited for.
        DispatchError::Io(error) if error.kind() == io::ErrorKind::TimedOut => "slow",
        DispatchError::Io(_) => "io",
        _ => "other",
    };
    metrics::counter!("escapement_connections_broken_total", "cause" => cause).increment(1);
    error
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 2048;

/// Binds the public port and prepares to answer on it; `shared` is what
/// middlewares and handlers find in every request.
pub fn bind(
    config: &ApiConfig,
    grace: Duration,
    shared: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<(SocketAddr, Server)> {
    let socket = if config.listen.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(config.listen)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    let address = listener.local_addr()?;
    let builder = Server::build()
        .workers(config.workers)
        .max_concurrent_connections(config.max_connections)
        .disable_signals()
        .shutdown_timeout(grace.as_secs());
    let stopping = builder.graceful_shutdown_signal();
    let gate = Gate::new(config);
    let (keep_alive, head_timeout) = (config.keep_alive, config.header_timeout);
    let builder = builder.listen("api", listener, move || {
        let app = App::new()
            .configure(shared.clone())
            .wrap(NormalizePath::trim())
            .wrap(from_fn(guard::guard))
            .wrap(from_fn(observe::observe))
            .configure(routes::configure)
            .into_factory()
            .map_err(|error| error.error_response());
        let (gate, stopping) = (gate.clone(), stopping.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(head_timeout)
            .client_disconnect_timeout(LINGER)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.pace());
            })
            .finish(map_config(app, |()| AppConfig::default()))
            .map_err(count);
        fn_service(move |stream: TcpStream| {
            let admitted = gate.admit(stream);
            async move { admitted }
        })
        .and_then(http)
    })?;
    Ok((address, builder.run()))
}
