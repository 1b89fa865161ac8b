//! Fires each planned instant once, through the ledger.
//!
//! Any number of replicas may run. Leases divide the schedules among them; each
//! holds those of the next seconds in memory, and compare-and-set on the row
//! decides who fires one. The loser of a race sees the schedule moved on and
//! moves on too.
//!
//! Its metrics are in docs/METRICS.md.

pub mod account;
pub mod alarm;
pub mod app;
pub mod backfill;
pub mod batch;
pub mod clock;
pub mod config;
pub mod decision;
pub mod driver;
pub mod overlap;
pub mod plan;
pub mod queue;
pub mod report;
pub mod scheduler;
pub mod timetable;
