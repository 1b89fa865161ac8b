//! log-svc against a real Postgres and a strict stand-in for the Kubernetes
//! API server: pods, their watch, their finalizers and their log endpoint.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's panic is its report"
)]

mod app;
mod container;
mod fixture;
mod interruption;
mod masking;
mod node;
mod proof;
mod server;
mod service;
mod tail;
