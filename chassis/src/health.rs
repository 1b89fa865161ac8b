//! The port for the platform: `/healthz` (the process turns), `/readyz` (it can do
//! its work) and `/metrics`. Apart from any public port, so that probes need no
//! token and clients see no metrics.

mod readiness;

use std::net::SocketAddr;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;

pub use readiness::{Check, Latch, Readiness};

use crate::config::HealthConfig;

/// The health port could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (health.listen)")]
pub struct BindError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// A bound health port; it answers once [`Health::server`] is polled.
pub struct Health {
    address: SocketAddr,
    server: Server,
}

impl Health {
    /// Binds the port; with port 0 the chosen one is in [`Health::address`].
    pub fn bind(
        config: &HealthConfig,
        readiness: &Readiness,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError {
            address: config.listen,
            source,
        };
        let readiness = web::Data::new(readiness.clone());
        let metrics = web::Data::new(metrics);
        let http = HttpServer::new(move || {
            App::new()
                .app_data(readiness.clone())
                .app_data(metrics.clone())
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(render_metrics))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .bind(config.listen)
        .map_err(failed)?;
        let address = http.addrs().first().copied().unwrap_or(config.listen);
        Ok(Self {
            address,
            server: http.run(),
        })
    }

    /// Where the port listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server to poll and the handle that stops it.
    pub fn server(self) -> (Server, ServerHandle) {
        let handle = self.server.handle();
        (self.server, handle)
    }
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let waiting = readiness.waiting();
    let ready = waiting.is_empty();
    metrics::gauge!("escapement_ready").set(if ready { 1.0 } else { 0.0 });
    if ready {
        HttpResponse::Ok().json(serde_json::json!({ "status": "ready" }))
    } else {
        HttpResponse::ServiceUnavailable()
            .json(serde_json::json!({ "status": "not ready", "waiting": waiting }))
    }
}

async fn render_metrics(metrics: web::Data<Option<PrometheusHandle>>) -> HttpResponse {
    let text = metrics
        .as_ref()
        .as_ref()
        .map(PrometheusHandle::render)
        .unwrap_or_default();
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(text)
}
