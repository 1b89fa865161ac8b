//! What every request passes before its handler, from its connection on: limits, time
//! limits, who asks, and the parts that handlers are given.

pub mod address;
pub mod admissions;
pub mod authentication;
pub mod body;
pub mod connection;
pub mod context;
pub mod form;
pub mod guard;
pub mod limits;
pub mod observe;
pub mod places;
mod route;
pub mod server;
pub mod source;
pub mod trace;
pub mod turns;
mod unread;
pub mod wait;

use std::time::Duration;

use chassis::Traces;

/// What the middlewares of the edge are told.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Proxies of our own between us and the clients.
    pub trusted_proxies: usize,
    /// How long a body may take to arrive, from when it is wanted.
    pub body_timeout: Duration,
    /// How long a request may take until its answer begins.
    pub request_timeout: Duration,
    /// Where spans go.
    pub traces: Traces,
}
