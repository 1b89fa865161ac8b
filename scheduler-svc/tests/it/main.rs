//! scheduler-svc: the pure firing rules, and whole schedulers on a real Postgres
//! with time given by the test.

mod firing;
mod fixture;
mod replicas;
mod scheduler;
