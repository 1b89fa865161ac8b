//! The whole ring on a real Kubernetes. Each test has its own services,
//! database and virtual host; all share one cluster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is a test's report"
)]

mod admission;
mod busy;
mod faults;
mod logs;
mod metrics;
mod objects;
mod outcomes;
mod purge;
mod reasons;
mod recovery;
mod replicas;
mod restore;
mod retries;
mod ring;
mod schedules;
mod secrets;
mod traces;
