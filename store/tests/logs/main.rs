//! Streams and chunks on a real Postgres, with the rights of log-svc only.
#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

mod reading;
mod ring;
mod trimming;
mod writing;
