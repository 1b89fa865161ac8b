//! The edge: routes, authentication, bodies, queries, and how errors look.

pub mod authentication;
pub mod execs;
pub mod jobs;
pub mod links;
pub mod logs;
pub mod problem;
pub mod query;
pub mod request_log;
pub mod routes;
