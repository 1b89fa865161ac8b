//! scheduler-svc: the pure firing rules, and whole schedulers on a real Postgres
//! with time given by the test.

mod backfills;
mod decision;
mod fixture;
mod ledger;
mod plan;
mod policies;
mod replicas;
mod scheduler;
